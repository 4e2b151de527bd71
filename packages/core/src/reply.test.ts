import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "./begin.ts";
import type { ChatChunk, ChatReply } from "./chat.ts";
import { iterate } from "./chunk-iterator.ts";
import { collect } from "./collect.ts";
import { GatewayError } from "./error.ts";
import { discard, mapChunks, mapText, onEnd, type ReplyEnd, textReply, watch } from "./reply.ts";
import { readyIn } from "./testing/ready-in.ts";
import { chat, chunksOf, scripted } from "./testing.ts";

const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
const failure = new GatewayError("llm.timeout.idle", "silent");

test("a reply that is read to its end is completed", async () => {
  const { reply, ends } = await watched([...chunksOf("a"), { choices: [], usage }]);
  assert.equal((await readAll(reply)).length, 4);
  assert.deepEqual(ends, [{ outcome: "completed", error: undefined, usage, chunks: 4 }]);
});

test("a listener that throws changes nothing: the reply is read, let go, or over", async () => {
  const broken = (): never => {
    throw new Error("the meter is full");
  };
  const read = await scripted("a")(chat());
  assert.equal((await collect(onEnd(read, broken))).choices[0]?.message.content, "a");
  const left = scripted(chunksOf("a"));
  await discard(onEnd(await left(chat()), broken));
  assert.equal(left.open, 0);
  const stop = new AbortController();
  onEnd(await scripted("a")(chat()), broken, stop.signal);
  stop.abort();
});

test("what looks at the chunks and throws changes nothing", async () => {
  const ends: ReplyEnd[] = [];
  const broken = (): never => {
    throw new Error("nothing can be seen");
  };
  for (const reply of [await scripted("a")(chat()), textReply("a")]) {
    const seen = watch(reply, broken, (end) => ends.push(end));
    assert.equal((await collect(seen)).choices[0]?.message.content, "a");
  }
  assert.deepEqual(
    ends.map(({ outcome }) => outcome),
    ["completed", "completed"],
  );
});

test("a reply that fails in the middle is interrupted, and its failure is thrown on", async () => {
  const { reply, ends } = await watched([...chunksOf("a").slice(0, 2), failure]);
  await assert.rejects(readAll(reply), (error) => error === failure);
  assert.deepEqual(ends, [{ outcome: "interrupted", error: failure, usage: undefined, chunks: 2 }]);
});

test("a defect in the middle is interrupted by an internal error", async () => {
  const { reply, ends } = await watched([new TypeError("defect")]);
  await assert.rejects(readAll(reply), TypeError);
  assert.equal(ends.length, 1);
  assert.equal(ends[0]?.outcome, "interrupted");
  assert.equal(ends[0]?.error?.code, "llm.internal");
});

test("a stream that is cut is interrupted", async () => {
  const handler = scripted(chunksOf("a").slice(0, 2));
  const ends: ReplyEnd[] = [];
  const reply = onEnd(await begin(await handler(chat())), (end) => ends.push(end));
  await assert.rejects(collect(reply), { code: "llm.stream.interrupted" });
  assert.deepEqual(
    ends.map(({ outcome, error }) => [outcome, error?.code]),
    [["interrupted", "llm.stream.interrupted"]],
  );
});

test("a reply whose reader stops is canceled, without an error, and its source is let go", async () => {
  const { reply, ends, handler } = await watched([...chunksOf("a", "b")]);
  for await (const chunk of reply.chunks) if (chunk.choices[0]?.delta.content === "a") break;
  assert.deepEqual(ends, [{ outcome: "canceled", error: undefined, usage: undefined, chunks: 2 }]);
  assert.equal(handler.open, 0);
});

test("a reply that nobody reads is canceled when the call is over, and says why", async () => {
  const call = new AbortController();
  const { ends } = await watched(chunksOf("a"), call.signal);
  assert.equal(ends.length, 0);
  call.abort();
  assert.deepEqual(
    ends.map(({ outcome, error, chunks }) => [outcome, error?.code, chunks]),
    [["canceled", "llm.canceled", 0]],
  );
});

test("a reply of a call that is over already is canceled at once", async () => {
  const { ends } = await watched(chunksOf("a"), AbortSignal.abort());
  assert.deepEqual(
    ends.map(({ outcome }) => outcome),
    ["canceled"],
  );
});

test("a call that ended for a reason of ours interrupts its reply, with that reason", async () => {
  const call = new AbortController();
  const { ends } = await watched(chunksOf("a"), call.signal);
  const reason = new GatewayError("llm.timeout.total", "too long");
  call.abort(reason);
  assert.deepEqual(
    ends.map(({ outcome, error }) => [outcome, error]),
    [["interrupted", reason]],
  );
});

test("a reply that fails because the call is over is canceled", async () => {
  const call = new AbortController();
  const { reply, ends } = await watched(
    [chunksOf("a")[1] ?? failure, new DOMException("aborted", "AbortError")],
    call.signal,
  );
  const iterator = reply.chunks[Symbol.asyncIterator]();
  await iterator.next();
  call.abort();
  await assert.rejects(iterator.next(), { name: "AbortError" });
  assert.deepEqual(
    ends.map(({ outcome, error }) => [outcome, error?.code]),
    [["canceled", "llm.canceled"]],
  );
});

test("the end of a reply is told once, whatever comes after it", async () => {
  const scripts = [chunksOf("a"), [...chunksOf("a").slice(0, 2), failure], chunksOf("a", "b")];
  for (const [position, script] of scripts.entries()) {
    const call = new AbortController();
    const { reply, ends } = await watched(script, call.signal);
    const iterator = reply.chunks[Symbol.asyncIterator]();
    try {
      for (let result = await iterator.next(); !result.done; result = await iterator.next()) {
        if (position === 2) await iterator.return?.();
      }
    } catch {}
    await iterator.return?.();
    await iterator.next();
    call.abort();
    assert.equal(ends.length, 1);
  }
});

test("a reply that has ended no longer listens to the call", async () => {
  const call = new AbortController();
  let listeners = 0;
  const signal = call.signal;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  const { reply } = await watched(chunksOf("a"), signal);
  assert.equal(listeners, 1);
  await readAll(reply);
  assert.equal(listeners, 0);
});

test("the last usage that was reported counts", async () => {
  const chunks = [{ choices: [], usage: { total_tokens: 1 } }, ...chunksOf("a"), { choices: [], usage }];
  const { reply, ends } = await watched([...chunks, { choices: [], usage: null }]);
  await readAll(reply);
  assert.equal(ends[0]?.usage, usage);
});

test("a reply that is watched is the same reply: headers, and every chunk as it was", async () => {
  const chunks = chunksOf("a", "b");
  const source: ChatReply = { headers: { "x-a": "1" }, chunks: (await scripted(chunks)(chat())).chunks };
  const reply = onEnd(source, () => {});
  assert.deepEqual(reply.headers, { "x-a": "1" });
  (await readAll(reply)).forEach((chunk, position) => {
    assert.equal(chunk, chunks[position]);
  });
});

test("two watchers of one reply are both told", async () => {
  const { reply, ends } = await watched(chunksOf("a"));
  const again: ReplyEnd[] = [];
  await collect(onEnd(reply, (end) => again.push(end)));
  assert.equal(ends[0]?.outcome, "completed");
  assert.equal(again[0]?.outcome, "completed");
});

test("each chunk is changed once, in order, and only when it is read", async () => {
  const handler = scripted(chunksOf("a", "b"));
  const seen: ChatChunk[] = [];
  const source = { ...(await handler(chat())), headers: { "x-a": "1" } };
  const reply = mapChunks(source, (chunk) => {
    seen.push(chunk);
    return { ...chunk, id: String(seen.length) };
  });
  assert.equal(seen.length, 0);
  assert.deepEqual(reply.headers, { "x-a": "1" });
  assert.deepEqual(
    (await readAll(reply)).map(({ id }) => id),
    ["1", "2", "3", "4"],
  );
  assert.deepEqual(seen, chunksOf("a", "b"));
});

test("a failure passes through a change, and so does the reader's leaving", async () => {
  const failing = scripted([...chunksOf("a").slice(0, 2), failure], chunksOf("a"));
  const keep = (chunk: ChatChunk): ChatChunk => chunk;
  await assert.rejects(readAll(mapChunks(await failing(chat()), keep)), (error) => error === failure);
  for await (const _ of mapChunks(await failing(chat()), keep).chunks) break;
  assert.equal(failing.open, 0);
});

test("a change that throws fails the reply, and lets go of the source", async () => {
  const handler = scripted(chunksOf("a"), chunksOf("a"));
  const defect = (): never => {
    throw new TypeError("defect");
  };
  await assert.rejects(readAll(mapChunks(await handler(chat()), defect)), { message: "defect" });
  await assert.rejects(readAll(mapText(await handler(chat()), defect)), { message: "defect" });
  assert.equal(handler.open, 0);
});

test("chunks that are taken when they are ready are changed and counted like others, in order", async () => {
  const [role, a, b, end] = chunksOf("a", "b");
  assert.ok(role && a && b && end);
  const ends: ReplyEnd[] = [];
  const { reply } = readyIn([
    [role, a],
    [b, { ...end, usage }],
  ]);
  const shouting = mapText(reply, (text) => text.toUpperCase());
  const iterator = iterate(onEnd(shouting, (end) => ends.push(end)).chunks);
  const texts: unknown[] = [];
  for (let result = await iterator.next(); !result.done; result = await iterator.next()) {
    // What is not the end is a chunk.
    let chunk: ChatChunk | undefined = result.value as ChatChunk;
    for (; chunk; chunk = iterator.ready?.()) texts.push(chunk.choices[0]?.delta.content);
  }
  assert.deepEqual(texts, ["", "A", "B", undefined]);
  assert.deepEqual(ends, [{ outcome: "completed", error: undefined, usage, chunks: 4 }]);
});

test("a change that throws on a chunk that is ready fails at the next one, and lets go of the source", async () => {
  const { reply, left } = readyIn([chunksOf("a", "b")]);
  const ends: ReplyEnd[] = [];
  const changed = mapText(reply, (text) => {
    if (text === "b") throw new TypeError("defect");
    return text;
  });
  const iterator = iterate(onEnd(changed, (end) => ends.push(end)).chunks);
  await iterator.next();
  assert.equal(iterator.ready?.()?.choices[0]?.delta.content, "a");
  assert.equal(iterator.ready?.(), undefined);
  assert.equal(iterator.ready?.(), undefined);
  assert.ok(left());
  await assert.rejects(iterator.next(), { message: "defect" });
  await assert.rejects(iterator.next(), { message: "defect" });
  assert.deepEqual(
    ends.map(({ outcome, chunks }) => [outcome, chunks]),
    [["interrupted", 2]],
  );
});

test("a reply of a source that has nothing ready has nothing ready", async () => {
  const handler = scripted(chunksOf("a"));
  const iterator = iterate(mapChunks(await handler(chat()), (chunk) => chunk).chunks);
  assert.equal(iterator.ready?.(), undefined);
  assert.equal((await iterator.next()).done, false);
  assert.equal(iterator.ready?.(), undefined);
});

test("a text is changed piece by piece, wherever it is", async () => {
  const reply = mapText(textsReply(), (text) => text.toUpperCase());
  const chunks = await readAll(reply);
  assert.deepEqual(
    chunks.map(({ choices }) => choices.map(({ delta }) => delta.content)),
    [
      [""],
      ["A"],
      ["B", "C"],
      [
        [
          { type: "text", text: "D" },
          { type: "image_url", image_url: { url: "u" } },
        ],
      ],
      [null],
      [],
    ],
  );
});

test("what is no text stays as it was", async () => {
  const sources = await readAll(textsReply());
  const called: string[] = [];
  const reply = mapText(textsReply(), (text) => {
    called.push(text);
    return text;
  });
  assert.deepEqual(await readAll(reply), sources);
  assert.deepEqual(called, ["a", "b", "c", "d"]);
});

test("changing a text changes none of the chunks it came from", async () => {
  const source: ChatChunk = { choices: [{ index: 0, delta: { content: [{ type: "text", text: "a" }] } }] };
  const copy = structuredClone(source);
  const reply = mapText({ headers: {}, chunks: chunksFrom([source]) }, () => "other");
  await readAll(reply);
  assert.deepEqual(source, copy);
});

test("a text reply is a complete answer of that text", async () => {
  const [chunk, ...more] = await readAll(textReply("Hi", { model: "m" }));
  assert.equal(more.length, 0);
  assert.equal(chunk?.object, "chat.completion.chunk");
  assert.equal(chunk?.model, "m");
  assert.match(chunk?.id ?? "", /^chatcmpl-/);
  assert.ok(Number.isInteger(chunk?.created));
  assert.deepEqual(chunk?.choices, [{ index: 0, delta: { role: "assistant", content: "Hi" }, finish_reason: "stop" }]);
  assert.deepEqual(textReply("Hi").headers, {});
});

test("a text reply without a model names the gateway", async () => {
  assert.equal((await collect(textReply("Hi"))).model, "gatewright");
});

test("discarding a reply lets go of its source, through every layer, and tells its watchers", async () => {
  const handler = scripted(chunksOf("a"));
  const ends: ReplyEnd[] = [];
  const reply = mapText(
    onEnd(await begin(await handler(chat())), (end) => ends.push(end)),
    (text) => text,
  );
  await discard(reply);
  assert.equal(handler.open, 0);
  assert.deepEqual(
    ends.map(({ outcome, chunks }) => [outcome, chunks]),
    // What was in hand had come, read or not.
    [["canceled", 2]],
  );
});

test("what is in hand is seen once, by each who looks on, read or not, with its usage", async () => {
  const whole = { ...chunksOf("a")[1], choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }], usage };
  for (const end of [discard, collect]) {
    const ends: ReplyEnd[] = [];
    const reply = await begin(await scripted([whole])(chat()));
    await end(
      onEnd(
        onEnd(reply, (outer) => ends.push(outer)),
        (inner) => ends.push(inner),
      ),
    );
    const outcome = end === discard ? "canceled" : "completed";
    assert.deepEqual(ends, Array(2).fill({ outcome, error: undefined, usage, chunks: 1 }));
  }
});

test("a reply that is ended early has let go of its source by then", async () => {
  for (const layer of [
    (reply: ChatReply) => onEnd(reply, () => {}),
    (reply: ChatReply) => mapText(reply, (text) => text),
  ]) {
    const gone = Promise.withResolvers<void>();
    let left = false;
    const source: AsyncIterator<ChatChunk> = {
      next: async () => ({ done: true, value: undefined }),
      return: async () => {
        await gone.promise;
        left = true;
        return { done: true, value: undefined };
      },
    };
    const reply = layer({ headers: {}, chunks: { [Symbol.asyncIterator]: () => source } });
    const ending = reply.chunks[Symbol.asyncIterator]()
      .return?.()
      .then((result) => ({ result, left }));
    gone.resolve();
    assert.deepEqual(await ending, { result: { done: true, value: undefined }, left: true });
  }
});

test("a reply that cannot be ended early is discarded without a failure", async () => {
  const iterator: AsyncIterator<ChatChunk> = { next: async () => ({ done: true, value: undefined }) };
  const reply: ChatReply = { headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } };
  await discard(
    mapChunks(
      onEnd(reply, () => {}),
      (chunk) => chunk,
    ),
  );
});

async function watched(
  script: readonly (ChatChunk | Error)[],
  signal?: AbortSignal,
): Promise<{ reply: ChatReply; ends: ReplyEnd[]; handler: ReturnType<typeof scripted> }> {
  const handler = scripted(script);
  const ends: ReplyEnd[] = [];
  const reply = onEnd(await handler(chat()), (end) => ends.push(end), signal);
  return { reply, ends, handler };
}

async function readAll({ chunks }: ChatReply): Promise<ChatChunk[]> {
  const read: ChatChunk[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return read;
}

function textsReply(): ChatReply {
  return {
    headers: {},
    chunks: chunksFrom([
      { choices: [{ index: 0, delta: { role: "assistant", content: "" } }] },
      { choices: [{ index: 0, delta: { content: "a", refusal: "r" } }] },
      {
        choices: [
          { index: 0, delta: { content: "b" } },
          { index: 1, delta: { content: "c" } },
        ],
      },
      {
        choices: [
          {
            index: 0,
            delta: {
              content: [
                { type: "text", text: "d" },
                { type: "image_url", image_url: { url: "u" } },
              ],
            },
          },
        ],
      },
      { choices: [{ index: 0, delta: { content: null, reasoning_content: "x" }, finish_reason: "stop" }] },
      { choices: [], usage },
    ]),
  };
}

async function* chunksFrom(chunks: readonly ChatChunk[]): AsyncGenerator<ChatChunk> {
  yield* chunks;
}
