import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "./begin.ts";
import type { ChatChunk, ChatReply, Delta } from "./chat.ts";
import { iterate } from "./chunk-iterator.ts";
import { GatewayError } from "./error.ts";
import { mapChunks, onEnd, textReply } from "./reply.ts";
import { readyIn } from "./testing/ready-in.ts";
import { chat, chunksOf, scripted } from "./testing.ts";

const chunk = (delta: Delta, finish_reason: string | null = null, index = 0): ChatChunk => ({
  choices: [{ index, delta, finish_reason }],
});
const STOP = chunk({}, "stop");

const INVISIBLE: Readonly<Record<string, ChatChunk>> = {
  "a role": chunk({ role: "assistant" }),
  "empty content": chunk({ role: "assistant", content: "" }),
  "null content": chunk({ content: null, refusal: null }),
  "empty reasoning": chunk({ reasoning_content: "" }),
  "no tool call": chunk({ tool_calls: [] }),
  "no part": chunk({ content: [] }),
  "an empty delta": chunk({}),
  "a chunk without choices": { choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
  "usage alone": { choices: [], usage: { total_tokens: 1 } },
};

const VISIBLE: Readonly<Record<string, ChatChunk>> = {
  text: chunk({ content: "a" }),
  "a space": chunk({ content: " " }),
  parts: chunk({ content: [{ type: "text", text: "a" }] }),
  "reasoning text": chunk({ reasoning_content: "hm" }),
  "a tool call": chunk({ tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "f" } }] }),
  "a refusal": chunk({ refusal: "no" }),
  "an object, such as sound": chunk({ audio: { id: "a" } }),
  "a finish": chunk({}, "stop"),
  "the second choice's text": {
    choices: [
      { index: 0, delta: { role: "assistant" } },
      { index: 1, delta: { content: "b" } },
    ],
  },
};

for (const [what, first] of Object.entries(INVISIBLE)) {
  test(`${what} does not begin a reply: a failure after it is a rejection`, async () => {
    const failure = new GatewayError("llm.provider.overloaded", "busy");
    const handler = scripted([first, first, failure]);
    await assert.rejects(begin(await handler(chat())), { code: "llm.provider.overloaded", phase: "before" });
    assert.equal(handler.open, 0);
  });
}

for (const [what, first] of Object.entries(VISIBLE)) {
  test(`${what} begins a reply: a failure after it is in the reply`, async () => {
    const { reply, reads } = await counted([chunk({ role: "assistant" }), first, chunk({ content: "never read" })]);
    const begun = await begin(reply);
    assert.equal(reads(), 2);
    assert.deepEqual((await begun.chunks[Symbol.asyncIterator]().next()).value, chunk({ role: "assistant" }));
  });
}

test("a stream that ends before anything visible rejects as interrupted before the answer", async () => {
  for (const chunks of [[], Object.values(INVISIBLE)]) {
    await assert.rejects(begin(streamOf(chunks)), { code: "llm.stream.interrupted", phase: "before", retryable: true });
  }
});

test("a failure before the first visible chunk is before the answer, whatever its code says", async () => {
  const idle = new GatewayError("llm.timeout.idle", "silent");
  assert.equal(idle.phase, "during");
  await assert.rejects(begin(streamOf([chunk({ role: "assistant" }), idle])), {
    code: "llm.timeout.idle",
    phase: "before",
    message: "silent",
  });
});

test("a failure after the first visible chunk is during the answer, whatever its code says", async () => {
  const busy = new GatewayError("llm.provider.overloaded", "busy", { retryAfterMs: 7, cause: "x" });
  const reply = await begin(streamOf([chunk({ content: "a" }), busy]));
  await assert.rejects(read(reply), {
    code: "llm.provider.overloaded",
    phase: "during",
    message: "busy",
    retryAfterMs: 7,
    cause: "x",
  });
});

test("a failure of a finished answer stays after the answer", async () => {
  const broken = new GatewayError("llm.output.invalid_json", "not JSON");
  await assert.rejects(begin(streamOf([broken])), (error) => error === broken);
  const reply = await begin(streamOf([chunk({ content: "a" }), broken]));
  await assert.rejects(read(reply), (error) => error === broken);
});

test("what is no GatewayError is thrown as it is", async () => {
  const defect = new TypeError("defect");
  await assert.rejects(begin(streamOf([defect])), (error) => error === defect);
  const reply = await begin(streamOf([chunk({ content: "a" }), defect]));
  await assert.rejects(read(reply), (error) => error === defect);
});

test("no chunk is lost, doubled, changed or put in another order", async () => {
  const chunks = [...Object.values(INVISIBLE), ...Object.values(VISIBLE), STOP, { choices: [], usage: {} }];
  chunks.push(chunk({}, "stop", 1));
  const got = (await read(await begin(streamOf(chunks)))).chunks;
  assert.equal(got.length, chunks.length);
  got.forEach((each, position) => {
    assert.equal(each, chunks[position]);
  });
});

test("the headers of a reply stay", async () => {
  const reply = await begin({ ...textReply("a"), headers: { "x-a": "1" } });
  assert.deepEqual(reply.headers, { "x-a": "1" });
});

test("a reply that has begun is given back as it is", async () => {
  const { reply, reads } = await counted(chunksOf("a"));
  const begun = await begin(reply);
  const again = await begin(begun);
  assert.equal(again, begun);
  assert.equal((await begin({ ...begun, headers: { "x-more": "1" } })).chunks, begun.chunks);
  assert.equal(reads(), 2);
});

test("so is one that somebody watches, and one whose chunks were changed is looked at again", async () => {
  const begun = await begin(await scripted("a")(chat()));
  const watched = onEnd(
    onEnd(begun, () => {}),
    () => {},
  );
  assert.equal(await begin(watched), watched);
  const emptied = mapChunks(await begin(await scripted("a")(chat())), ({ choices }) => ({
    choices: choices.map(({ index }) => ({ index, delta: {}, finish_reason: null })),
  }));
  await assert.rejects(begin(emptied), { code: "llm.stream.interrupted" });
  const unread = onEnd(await scripted("a")(chat()), () => {});
  assert.notEqual(await begin(unread), unread);
});

test("an end without a finish is thrown as interrupted, after all that came", async () => {
  const { chunks, error } = await readUntilError(await begin(streamOf(chunksOf("a", "b").slice(0, -1))));
  assert.deepEqual(texts(chunks), ["", "a", "b"]);
  assert.ok(error instanceof GatewayError);
  assert.equal(error.code, "llm.stream.interrupted");
  assert.equal(error.phase, "during");
});

test("an end with one of two choices unfinished is thrown as interrupted", async () => {
  for (const unfinished of [0, 1]) {
    const cut = [chunk({ content: "a" }, null, 0), chunk({ content: "b" }, null, 1), chunk({}, "stop", 1 - unfinished)];
    const { chunks, error } = await readUntilError(await begin(streamOf(cut)));
    assert.equal(chunks.length, 3);
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, "llm.stream.interrupted");
    assert.equal(error.phase, "during");
  }
});

test("an end with every choice finished is an end", async () => {
  const whole = [chunk({ content: "a" }, null, 0), chunk({ content: "b" }, "length", 1), chunk({}, "stop", 0)];
  assert.equal((await read(await begin(streamOf(whole)))).chunks.length, 3);
});

test("chunks after the finish pass, and do not open a choice again", async () => {
  const usage: ChatChunk = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
  const late = [...chunksOf("a"), chunk({ content: "" }), usage];
  const got = (await read(await begin(streamOf(late)))).chunks;
  assert.deepEqual(got, late);
});

test("a thousand chunks may come before the first visible one", async () => {
  const silent = Array.from({ length: 1000 }, () => chunk({ content: "" }));
  const reply = await begin(streamOf([...silent, chunk({ content: "a" }), STOP]));
  assert.equal((await read(reply)).chunks.length, 1002);
});

test("an endless stream without anything visible is refused, and let go", async () => {
  let left = false;
  const endless = async function* (): AsyncGenerator<ChatChunk> {
    try {
      for (;;) yield chunk({ content: "" });
    } finally {
      left = true;
    }
  };
  await assert.rejects(begin({ headers: {}, chunks: endless() }), {
    code: "llm.provider.bad_response",
    phase: "before",
  });
  assert.ok(left);
});

test("a reader that stops early lets go of the source, also where nothing was read", async () => {
  for (const reads of [0, 1, 2]) {
    const handler = scripted(chunksOf("a", "b"));
    const { chunks } = await begin(await handler(chat()));
    assert.equal(handler.open, 1);
    const iterator = chunks[Symbol.asyncIterator]();
    for (let at = 0; at < reads; at++) assert.equal((await iterator.next()).done, false);
    assert.deepEqual(await iterator.return?.(), { done: true, value: undefined });
    assert.equal(handler.open, 0);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
  }
});

test("a reply that is over stays over", async () => {
  const iterator = (await begin(streamOf(chunksOf("a").slice(0, 2)))).chunks[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  await assert.rejects(iterator.next(), { code: "llm.stream.interrupted" });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

test("a reply that has failed stays over, whatever its source would still give", async () => {
  const steps: readonly (() => IteratorResult<ChatChunk>)[] = [
    () => ({ done: false, value: chunk({ content: "a" }) }),
    () => {
      throw new TypeError("defect");
    },
    () => ({ done: false, value: chunk({ content: "never" }) }),
  ];
  let at = 0;
  const source: AsyncIterator<ChatChunk> = { next: async () => steps[at++]?.() ?? { done: true, value: undefined } };
  const { chunks } = await begin({ headers: {}, chunks: { [Symbol.asyncIterator]: () => source } });
  const iterator = chunks[Symbol.asyncIterator]();
  await iterator.next();
  await assert.rejects(iterator.next(), TypeError);
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

test("what was read to begin, and what is behind it, is ready, in order", async () => {
  const [role, a, b, end] = chunksOf("a", "b");
  assert.ok(role && a && b && end);
  const { chunks } = await begin(readyIn([[role], [a, b], [end]]).reply);
  const iterator = iterate(chunks);
  assert.deepEqual([iterator.ready?.(), iterator.ready?.(), iterator.ready?.()], [role, a, b]);
  assert.equal(iterator.ready?.(), undefined);
  assert.deepEqual(await iterator.next(), { done: false, value: end });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

test("chunks that are taken when they are ready count for the end like others", async () => {
  const [role, a, b, end] = chunksOf("a", "b");
  assert.ok(role && a && b && end);
  const whole = iterate((await begin(readyIn([[role, a, b, end]]).reply)).chunks);
  for (let taken = 0; taken < 4; taken++) assert.ok(whole.ready?.());
  assert.deepEqual(await whole.next(), { done: true, value: undefined });
  const second = { ...end, choices: [{ index: 1, delta: { content: "open" } }] };
  const cut = iterate((await begin(readyIn([[role, a, b, end, second]]).reply)).chunks);
  for (let taken = 0; taken < 5; taken++) assert.ok(cut.ready?.());
  await assert.rejects(cut.next(), { code: "llm.stream.interrupted", phase: "during" });
});

test("a reply that is over has nothing ready", async () => {
  const { reply, left } = readyIn([chunksOf("a", "b")]);
  const iterator = iterate((await begin(reply)).chunks);
  await iterator.return?.();
  assert.equal(iterator.ready?.(), undefined);
  assert.ok(left());
});

test("a source that never has anything ready is read all the same", async () => {
  const iterator = iterate((await begin(streamOf(chunksOf("a")))).chunks);
  assert.equal(iterator.ready?.()?.choices[0]?.delta.role, "assistant");
  assert.equal(iterator.ready?.()?.choices[0]?.delta.content, "a");
  assert.equal(iterator.ready?.(), undefined);
  assert.equal((await iterator.next()).done, false);
});

function streamOf(script: readonly (ChatChunk | Error)[]): ChatReply {
  return {
    headers: {},
    chunks: (async function* () {
      for (const step of script) {
        if (step instanceof Error) throw step;
        yield step;
      }
    })(),
  };
}

/** A reply that counts how often its source is read. */
async function counted(chunks: readonly ChatChunk[]): Promise<{ reply: ChatReply; reads: () => number }> {
  let reads = 0;
  const iterator: AsyncIterator<ChatChunk> = {
    async next() {
      const value = chunks[reads++];
      return value ? { done: false, value } : { done: true, value: undefined };
    },
  };
  return { reply: { headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } }, reads: () => reads };
}

async function read(reply: ChatReply): Promise<{ chunks: ChatChunk[] }> {
  const chunks: ChatChunk[] = [];
  for await (const each of reply.chunks) chunks.push(each);
  return { chunks };
}

async function readUntilError(reply: ChatReply): Promise<{ chunks: ChatChunk[]; error: unknown }> {
  const chunks: ChatChunk[] = [];
  try {
    for await (const each of reply.chunks) chunks.push(each);
  } catch (error) {
    return { chunks, error };
  }
  return { chunks, error: undefined };
}

function texts(chunks: readonly ChatChunk[]): unknown[] {
  return chunks.map(({ choices }) => choices[0]?.delta.content);
}
