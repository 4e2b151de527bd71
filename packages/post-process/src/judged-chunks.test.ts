import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ChatChunk,
  type ChunkIterator,
  collect,
  compose,
  type Delta,
  type Middleware,
  onEnd,
  type ReplyEnd,
  textReply,
} from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { postProcess } from "./post-process.ts";
import { validateOutput } from "./validate-output.ts";

const response_format = { type: "json_object" };
const usage = { id: "c", choices: [], usage: { total_tokens: 3 } };

function chunk(delta: Delta, finish_reason: string | null = null): ChatChunk {
  return { id: "c", choices: [{ index: 0, delta, finish_reason }] };
}

/** The layers, and an answer that each refuses where it ends, and one in its middle. */
const LAYERS: Readonly<
  Record<string, readonly [layer: Middleware, atEnd: readonly ChatChunk[], middle: readonly ChatChunk[]]>
> = {
  validateOutput: [
    validateOutput({ maxChars: 10 }),
    [chunk({ content: "[]" }), chunk({}, "stop")],
    [chunk({ content: "x".repeat(11) })],
  ],
  postProcess: [
    postProcess({ configured: ["json-repair"] }),
    [chunk({ content: "no JSON" }), chunk({}, "stop")],
    [chunk({ content: '{"a": f(1)}' })],
  ],
};

/** A source of chunks that counts how it is used. */
function source(chunks: Iterable<ChatChunk>, more: Partial<ChunkIterator> = {}) {
  const rest = chunks[Symbol.iterator]();
  const used = { read: 0, left: 0, over: false };
  const iterator: ChunkIterator = {
    async next() {
      const result = rest.next();
      if (result.done) used.over = true;
      else used.read++;
      return result;
    },
    async return() {
      used.left++;
      return { done: true, value: undefined };
    },
    ...more,
  };
  return { used, chunks: { [Symbol.asyncIterator]: () => iterator } };
}

async function opened(
  layer: Middleware,
  chunks: AsyncIterable<ChatChunk>,
  signal?: AbortSignal,
): Promise<ChunkIterator> {
  const request = chat({ response_format }, signal ? { signal } : {});
  // Without `compose`, which begins to read by itself.
  const reply = await layer(request, async () => ({ headers: {}, chunks }));
  return reply.chunks[Symbol.asyncIterator]();
}

async function failure(iterator: ChunkIterator): Promise<unknown> {
  return collect({ headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } }).then(
    () => assert.fail("the answer was taken"),
    (thrown: unknown) => thrown,
  );
}

const REFUSED = /^llm\.output\./;
const codeOf = (thrown: unknown): string => String((thrown as { readonly code?: unknown }).code);

function* endless(first: readonly ChatChunk[]): Generator<ChatChunk> {
  yield* first;
  for (;;) yield usage;
}

for (const [name, [layer, atEnd, middle]] of Object.entries(LAYERS)) {
  test(`${name}: an answer that fails at its end is read on, so that its usage is seen below`, async () => {
    const { used, chunks } = source([...atEnd, usage]);
    const iterator = await opened(layer, chunks);
    assert.match(codeOf(await failure(iterator)), REFUSED);
    assert.deepEqual(used, { read: atEnd.length + 1, left: 0, over: true });
    await iterator.return?.();
    assert.equal(used.left, 0);
    await assert.rejects(iterator.next(), (thrown) => REFUSED.test(codeOf(thrown)));
  });

  test(`${name}: one that fails in its middle is let go at once, and once`, async () => {
    const { used, chunks } = source([...middle, chunk({ content: "never" }), usage]);
    const iterator = await opened(layer, chunks);
    assert.match(codeOf(await failure(iterator)), REFUSED);
    await iterator.return?.();
    await iterator.return?.();
    assert.deepEqual(used, { read: 1, left: 1, over: false });
  });

  test(`${name}: how a source ends makes no difference to a failure`, async () => {
    const boom = (): never => {
      throw new Error("boom");
    };
    for (const next of [boom, async () => boom()]) {
      const steps = [...atEnd];
      const broken = async () => {
        const value = steps.shift();
        return value ? { done: false as const, value } : next();
      };
      assert.match(codeOf(await failure(await opened(layer, source([], { next: broken }).chunks))), REFUSED);
    }
    for (const letGo of [boom, async () => boom(), () => undefined as never]) {
      const { chunks } = source(middle, { return: letGo });
      assert.match(codeOf(await failure(await opened(layer, chunks))), REFUSED);
    }
  });

  test(`${name}: no more than 10,000 chunks are read behind a failure`, async () => {
    const { used, chunks } = source(endless(atEnd));
    assert.match(codeOf(await failure(await opened(layer, chunks))), REFUSED);
    assert.deepEqual(used, { read: atEnd.length + 10_000, left: 1, over: false });
  });

  test(`${name}: what never ends is left when the call ends, or its reader leaves`, { timeout: 5000 }, async () => {
    for (const how of ["signal", "reader", "before"] as const) {
      const call = new AbortController();
      const steps = [...atEnd];
      const next = async (): Promise<IteratorResult<ChatChunk>> => {
        const value = steps.shift();
        if (steps.length === 0 && how === "before") call.abort();
        return value ? { done: false, value } : new Promise(() => {});
      };
      const { used, chunks } = source([], { next });
      const iterator = await opened(layer, chunks, call.signal);
      const failing = failure(iterator);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(used.left, how === "before" ? 1 : 0);
      if (how === "signal") call.abort();
      if (how === "reader") await iterator.return?.();
      assert.match(codeOf(await failing), REFUSED);
      assert.equal(used.left, 1);
    }
  });

  test(`${name}: what is ready fails as what is waited for`, async () => {
    for (const [said, read, left] of [
      [atEnd, atEnd.length + 1, 0],
      [middle, middle.length, 1],
    ] as const) {
      const all = [...said, usage];
      const { used, chunks } = source([], {
        ready: () => {
          const value = all.shift();
          if (value) used.read++;
          return value;
        },
        next: async () => {
          const value = all.shift();
          if (value) used.read++;
          return value ? { done: false, value } : { done: true, value: undefined };
        },
      });
      const iterator = await opened(layer, chunks);
      while (iterator.ready?.());
      await assert.rejects(iterator.next(), (thrown) => REFUSED.test(codeOf(thrown)));
      assert.deepEqual([used.read, used.left], [read, left]);
    }
  });

  test(`${name}: a reader who leaves lets go once, and gets nothing more`, async () => {
    const { used, chunks } = source([chunk({ content: '{"a"' }), chunk({ content: ":1}" }, "stop")]);
    const iterator = await opened(layer, chunks);
    await iterator.next();
    await iterator.return?.();
    await iterator.return?.();
    assert.deepEqual([used.read, used.left], [1, 1]);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  });
}

test("a reply that fails has ended once, completed, for who counts it below", async () => {
  const ends: ReplyEnd[] = [];
  const pipeline = compose([validateOutput()], async () => onEnd(textReply("[]"), (end) => ends.push(end)));
  await assert.rejects(async () => collect(await pipeline(chat({ response_format }))));
  assert.deepEqual(
    ends.map(({ outcome }) => outcome),
    ["completed"],
  );
});
