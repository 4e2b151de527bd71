import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { collect } from "./collect.ts";
import { compose } from "./compose.ts";
import { GatewayError, toGatewayError } from "./error.ts";
import type { ChatChunk, ChatReply, Handler, Middleware } from "./index.ts";
import { mapChunks, textReply } from "./reply.ts";
import { settled } from "./testing/outcome.ts";
import { chat, chunksOf, scripted } from "./testing.ts";

const failure = new GatewayError("llm.provider.overloaded", "busy");
const pass: Middleware = (request, next) => next(request);
const twice: Middleware = (request, next) => next(request).catch(() => next(request));

test("the first layer listed is the outermost", async () => {
  const order: string[] = [];
  const layer =
    (name: string): Middleware =>
    async (request, next) => {
      order.push(`${name} in`);
      const reply = await next(request);
      order.push(`${name} out`);
      return reply;
    };
  const pipeline = compose([layer("a"), layer("b"), layer("c")], async (request) => {
    order.push("handler");
    return scripted("x")(request);
  });
  await pipeline(chat());
  assert.deepEqual(order, ["a in", "b in", "c in", "handler", "c out", "b out", "a out"]);
});

test("a layer that is none is refused at the start, by its place", () => {
  const fine: Middleware = (request, next) => next(request);
  // As from plain JavaScript.
  const none = undefined as unknown as Middleware;
  for (const [layers, place] of [
    [[none], "middleware[0]"],
    [[fine, none], "middleware[1]"],
  ] as const) {
    assert.throws(
      () => compose(layers, scripted()),
      (error) => error instanceof TypeError && error.message.startsWith(`compose: ${place} `),
    );
  }
});

test("without layers the handler answers", async () => {
  assert.equal(await textOf(compose([], scripted("Hello"))), "Hello");
});

test("a pipeline is a handler, and may be a layer's or another pipeline's", async () => {
  const inner = compose([shout], scripted("Hello"));
  assert.equal(await textOf(compose([pass], inner)), "HELLO");
});

test("a layer may answer without calling next", async () => {
  const handler = scripted();
  assert.equal(await textOf(compose([async () => textReply("cached")], handler)), "cached");
  assert.equal(handler.requests.length, 0);
});

test("a layer may call next again after a rejection", async () => {
  const handler = scripted(failure, "second");
  assert.equal(await textOf(compose([twice], handler)), "second");
  assert.equal(handler.requests.length, 2);
});

test("a layer may call next several times at once, and choose a reply", async () => {
  const handler = scripted("a", "b", "c");
  const race: Middleware = async (request, next) => {
    const replies = await Promise.all([next(request), next(request), next(request)]);
    return replies[2] as ChatReply; // Three went in.
  };
  assert.equal(await textOf(compose([race], handler)), "c");
  assert.equal(handler.requests.length, 3);
});

test("every call of next runs all layers below it", async () => {
  let below = 0;
  const count: Middleware = (request, next) => {
    below++;
    return next(request);
  };
  await compose([twice, count], scripted(failure, "x"))(chat());
  assert.equal(below, 2);
});

test("a layer's other request reaches those below it, and nobody above it", async () => {
  const handler = scripted(failure, "x");
  const seen: string[] = [];
  const above: Middleware = async (request, next) => {
    const reply = await next(request);
    seen.push(request.model);
    return reply;
  };
  const once: Middleware = (request, next) => next({ ...request, model: `${request.model}+` });
  const request = chat({ model: "m" });
  const frozen = Object.freeze(request);
  await compose([above, twice, once], handler)(frozen);
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["m+", "m+"],
  );
  assert.deepEqual(seen, ["m"]);
  assert.equal(handler.requests[0]?.call, request.call);
});

test("a handler that throws at once rejects", async () => {
  const defect: Handler = () => {
    throw new TypeError("at once");
  };
  await assert.rejects(compose([pass], defect)(chat()), { message: "at once" });
  await assert.rejects(compose([twice], defect)(chat()), { message: "at once" });
});

test("a stream that fails before its first visible chunk may be tried again", async () => {
  const start = chunksOf("never").slice(0, 1);
  const handler = scripted([...start, failure], start, "third");
  const thrice: Middleware = (request, next) => twice(request, (again) => twice(again, next));
  assert.equal(await textOf(compose([thrice], handler)), "third");
  assert.equal(handler.open, 0);
});

test("next resolves only once the first visible chunk is in hand", async () => {
  const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const [role, text, end] = chunksOf("a");
  let resolved = false;
  const watch: Middleware = async (request, next) => {
    const reply = await next(request);
    resolved = true;
    return reply;
  };
  const replying = compose([watch], async () => ({
    headers: {},
    chunks: (async function* () {
      if (role) yield role;
      await steps[0].promise;
      if (text) yield text;
      await steps[1].promise;
      if (end) yield end;
    })(),
  }))(chat());
  await settled();
  assert.equal(resolved, false);
  steps[0].resolve();
  const reply = await replying;
  assert.equal(resolved, true);
  steps[1].resolve();
  assert.equal((await collect(reply)).choices[0]?.message.content, "a");
});

test("a failure after the first visible chunk is never a rejection of next", async () => {
  const handler = scripted([...chunksOf("a").slice(0, 2), failure], "never");
  const reply = await compose([twice, pass], handler)(chat());
  assert.equal(handler.requests.length, 1);
  await assert.rejects(collect(reply), { code: "llm.provider.overloaded", phase: "during" });
});

test("a layer that holds a reply until it has finished makes its late failures rejections", async () => {
  const hold: Middleware = async (request, next) => {
    const reply = await next(request);
    const chunks = await all(reply.chunks);
    return { headers: reply.headers, chunks: Readable.from(chunks) };
  };
  const cut = chunksOf("half", "never").slice(0, 2);
  const handler = scripted(cut, [...cut, failure], chunksOf("whole"));
  const thrice: Middleware = (request, next) => twice(request, (again) => twice(again, next));
  assert.equal(await textOf(compose([thrice, hold], handler)), "whole");
  assert.equal(handler.open, 0);
});

test("what a layer makes of a reply is looked at again: a layer that shows nothing rejects", async () => {
  const mute: Middleware = async (request, next) =>
    mapChunks(await next(request), (chunk) => ({ ...chunk, choices: [] }));
  const pipeline = compose([mute], scripted(chunksOf("a")));
  await assert.rejects(pipeline(chat()), { code: "llm.stream.interrupted", phase: "before" });
});

test("a pipeline of many layers reads its source no more often than one without", async () => {
  const reads = async (layers: number): Promise<number> => {
    const chunks = chunksOf("a", "b");
    let count = 0;
    const iterator: AsyncIterator<ChatChunk> = {
      async next() {
        const value = chunks[count++];
        return value ? { done: false, value } : { done: true, value: undefined };
      },
    };
    const handler: Handler = async () => ({ headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } });
    const reply = await compose(Array<Middleware>(layers).fill(pass), handler)(chat());
    assert.equal(count, 2);
    await all(reply.chunks);
    return count;
  };
  assert.equal(await reads(20), await reads(0));
});

test("layers that pass a reply on hand out the same chunks object", async () => {
  let inner: ChatReply | undefined;
  const remember: Middleware = async (request, next) => {
    inner = await next(request);
    return inner;
  };
  const reply = await compose([pass, pass, remember], scripted(chunksOf("a")))(chat());
  assert.equal(reply.chunks, inner?.chunks);
});

test("a reader that stops early lets go of the source through every layer", async () => {
  const handler = scripted(chunksOf("a", "b"));
  const reply = await compose([pass, shout, pass, shout], handler)(chat());
  assert.equal(handler.open, 1);
  for await (const _ of reply.chunks) break;
  assert.equal(handler.open, 0);
});

test("whatever the stream, all of it arrives or its failure does", async () => {
  const random = seeded(1);
  for (let run = 0; run < 500; run++) {
    const script = randomScript(random);
    const layers = Array.from({ length: random(4) }, () => (random(2) ? pass : unchanged));
    const label = `run ${run}: ${JSON.stringify(script)}`;
    const got: ChatChunk[] = [];
    let begun = false;
    let failed: GatewayError | undefined;
    try {
      const reply = await compose(layers, scripted(script))(chat());
      begun = true;
      for await (const chunk of reply.chunks) got.push(chunk);
    } catch (error) {
      failed = toGatewayError(error);
    }
    const cutAt = script.findIndex((step) => step instanceof Error);
    const sent = script.filter((step): step is ChatChunk => !(step instanceof Error));
    const before = cutAt === -1 ? sent : sent.slice(0, cutAt);
    const shown = before.some(({ choices }) => choices.some(isVisible));
    const finished = allFinished(before);
    assert.equal(begun, shown, label);
    assert.deepEqual(got, shown ? before : [], label);
    assert.equal(failed === undefined, cutAt === -1 && shown && finished, label);
    if (failed) {
      assert.equal(failed.code, cutAt === -1 ? "llm.stream.interrupted" : "llm.provider.overloaded", label);
      assert.equal(failed.phase, shown ? "during" : "before", label);
    }
  }
});

const shout: Middleware = async (request, next) =>
  mapChunks(await next(request), (chunk) => ({
    ...chunk,
    choices: chunk.choices.map((choice) => ({
      ...choice,
      delta: { ...choice.delta, content: String(choice.delta.content ?? "").toUpperCase() },
    })),
  }));

const unchanged: Middleware = async (request, next) => mapChunks(await next(request), (chunk) => ({ ...chunk }));

async function textOf(handler: Handler): Promise<unknown> {
  return (await collect(await handler(chat()))).choices[0]?.message.content;
}

/** Whole numbers below `most`, the same in every run: a linear congruential generator (Numerical Recipes). */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

function randomScript(random: (most: number) => number): (ChatChunk | Error)[] {
  const steps = Array.from({ length: random(8) }, (_, position): ChatChunk => {
    const kind = random(6);
    if (kind === 0) return { id: String(position), choices: [] };
    const index = random(2);
    const text = ["", "", "a", "b"][random(4)] ?? "";
    const finish_reason = kind === 1 ? "stop" : null;
    return { id: String(position), choices: [{ index, delta: { content: text }, finish_reason }] };
  });
  const all: (ChatChunk | Error)[] = [...steps];
  if (random(4) === 0) all.splice(random(all.length + 1), 0, failure);
  return all;
}

function isVisible({ delta, finish_reason }: ChatChunk["choices"][number]): boolean {
  return Boolean(finish_reason) || delta.content !== "";
}

/** Every choice that was seen has a finish reason, and there is one. */
function allFinished(chunks: readonly ChatChunk[]): boolean {
  const seen = new Set<number>();
  const finished = new Set<number>();
  for (const { choices } of chunks) {
    for (const { index, finish_reason } of choices) {
      seen.add(index);
      if (finish_reason) finished.add(index);
    }
  }
  return finished.size > 0 && finished.size === seen.size;
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}
