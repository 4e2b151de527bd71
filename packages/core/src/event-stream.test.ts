import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "./begin.ts";
import type { ChatChunk, ChatReply } from "./chat.ts";
import { GatewayError } from "./error.ts";
import { type EventStreamOptions, eventStream } from "./event-stream.ts";
import { textReply } from "./reply.ts";
import { readyIn } from "./testing/ready-in.ts";
import { chat, chunksOf, type FakeClock, fakeClock, scripted } from "./testing.ts";

const COMMENT = ": keep-alive\n\n";
const failure = new GatewayError("llm.timeout.idle", "silent");

test("every chunk is one event, and [DONE] comes last", async () => {
  const { text, waiting } = await written(Promise.resolve(streamOf(chunksOf("a", "b"))));
  assert.equal(
    text,
    [...chunksOf("a", "b").map((chunk) => JSON.stringify(chunk)), "[DONE]"].map((data) => `data: ${data}\n\n`).join(""),
  );
  assert.equal(waiting, 0);
});

test("chunks that are there together are written together, and no others", async () => {
  const [role, a, b, end] = chunksOf("a", "b");
  assert.ok(role && a && b && end);
  const { reply } = readyIn([[role, a], [b], [end]]);
  const pieces = await all(eventStream(Promise.resolve(reply), options(fakeClock())));
  const event = (chunk: ChatChunk): string => `data: ${JSON.stringify(chunk)}\n\n`;
  assert.deepEqual(pieces, [event(role) + event(a), event(b), event(end), "data: [DONE]\n\n"]);
});

test("chunks that are there together are written in pieces that a caller can take", async () => {
  const texts = chunksOf(...Array<string>(100).fill("x".repeat(10_000)));
  const pieces = await all(eventStream(Promise.resolve(readyIn([texts]).reply), options(fakeClock())));
  assert.ok(pieces.length > 10);
  for (const piece of pieces) assert.ok(piece.length < 64 * 1024, `${piece.length} characters`);
  const events = pieces.join("").split("\n\n").slice(0, -2);
  assert.deepEqual(
    events.map((data) => JSON.parse(data.slice("data: ".length))),
    texts,
  );
});

test("chunks before a failure are written, also where it came together with them", async () => {
  const [role, a] = chunksOf("a");
  assert.ok(role && a);
  const pieces = await all(eventStream(Promise.resolve(readyIn([[role, a, failure]]).reply), options(fakeClock())));
  assert.match(pieces.join(""), /"content":"a"[^\n]*\n\ndata: \{"error":"silent"\}\n\n$/);
});

test("a usage chunk that is there with others comes only to those who asked for it", async () => {
  const [role, a, end] = chunksOf("a");
  assert.ok(role && a && end);
  const chunks = [[role, a, end, { choices: [], usage: { total_tokens: 3 } }]];
  const unasked = await all(eventStream(Promise.resolve(readyIn(chunks).reply), options(fakeClock())));
  assert.doesNotMatch(unasked.join(""), /total_tokens/);
  const asking = options(fakeClock(), { includeUsage: true });
  assert.match((await all(eventStream(Promise.resolve(readyIn(chunks).reply), asking))).join(""), /total_tokens/);
});

test("an answer of one chunk is one event", async () => {
  const { text } = await written(Promise.resolve(textReply("line\nbreak")));
  assert.equal(text.split("\n\n").length, 3);
  assert.match(text, /^data: \{[^\n]*"content":"line\\nbreak"[^\n]*\}\n\ndata: \[DONE\]\n\n$/);
});

test("chunks are completed for strict readers", async () => {
  const bare: ChatChunk[] = [
    { choices: [{ index: 0, delta: { tool_calls: [{ id: "i" }] } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
  ];
  const { events } = await written(Promise.resolve(streamOf(bare)));
  assert.deepEqual(events[0], {
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta: { role: "assistant", tool_calls: [{ index: 0, type: "function", id: "i" }] } }],
  });
});

test("a chunk of usage alone comes only to those who asked for it", async () => {
  const usage = { total_tokens: 3 };
  const chunks = [...chunksOf("a"), { choices: [], usage }];
  const asked = await written(Promise.resolve(streamOf(chunks)), { includeUsage: true });
  assert.deepEqual(asked.events.at(-2), { object: "chat.completion.chunk", choices: [], usage });
  const unasked = await written(Promise.resolve(streamOf(chunks)));
  assert.doesNotMatch(unasked.text, /total_tokens/);
  assert.match(unasked.text, /\[DONE\]\n\n$/);
});

test("chunks without choices that tell something else come to everybody", async () => {
  const { text } = await written(Promise.resolve(streamOf([{ choices: [], x: 1, usage: null }, ...chunksOf("a")])));
  assert.match(text, /"x":1/);
});

test("a stream that fails ends with an error event, and without [DONE]", async () => {
  const { text, events, waiting } = await written(Promise.resolve(streamOf([...chunksOf("a").slice(0, 2), failure])));
  assert.equal(events.length, 3);
  assert.deepEqual(events[2], { error: "silent" });
  assert.match(text, /data: \{"error":"silent"\}\n\n$/);
  assert.doesNotMatch(text, /DONE/);
  assert.equal(waiting, 0);
});

test("a stream that is cut ends with an error event, and without [DONE]", async () => {
  const { text } = await written(begin(streamOf(chunksOf("a").slice(0, 2))));
  assert.match(text, /"content":"a"[\s\S]*data: \{"error":"[^"]*ended[^"]*"\}\n\n$/);
  assert.doesNotMatch(text, /DONE/);
});

test("a reply that never begins ends with an error event", async () => {
  const { text, waiting } = await written(Promise.reject(failure));
  assert.equal(text, 'data: {"error":"silent"}\n\n');
  assert.equal(waiting, 0);
});

test("the failure is told once, as it was thrown", async () => {
  const told: unknown[] = [];
  const onFailure = (thrown: unknown): object => {
    told.push(thrown);
    return {};
  };
  await written(Promise.resolve(streamOf([failure])), { onFailure });
  assert.deepEqual(told, [failure]);
  await written(Promise.resolve(streamOf(chunksOf("a"))), { onFailure });
  assert.equal(told.length, 1);
});

test("comments keep the connection open while the reply has not begun", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const { pieces, reading } = read(replying.promise, clock);
  await clock.advance(999);
  assert.deepEqual(pieces, []);
  await clock.advance(1);
  assert.deepEqual(pieces, [COMMENT]);
  await clock.advance(2000);
  assert.deepEqual(pieces, [COMMENT, COMMENT, COMMENT]);
  replying.resolve(textReply("a"));
  await reading;
  assert.match(pieces.slice(3).join(""), /^data: \{.*\}\n\ndata: \[DONE\]\n\n$/);
  assert.equal(clock.waiting, 0);
});

test("a reply that fails after comments ends with an error event", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const { pieces, reading } = read(replying.promise, clock);
  await clock.advance(1000);
  replying.reject(failure);
  await reading;
  assert.deepEqual(pieces, [COMMENT, 'data: {"error":"silent"}\n\n']);
  assert.equal(clock.waiting, 0);
});

test("comments keep the connection open between chunks, and silence is counted from the last one", async () => {
  const clock = fakeClock();
  const { reply, send } = trickle();
  const { pieces, reading } = read(Promise.resolve(reply), clock);
  const [role, text, end] = chunksOf("a");
  await clock.advance(900);
  send(role);
  await clock.advance(900);
  assert.equal(pieces.length, 1);
  send(text);
  await clock.advance(999);
  assert.equal(pieces.length, 2);
  await clock.advance(1);
  assert.equal(pieces[2], COMMENT);
  await clock.advance(1000);
  assert.equal(pieces[3], COMMENT);
  assert.equal(clock.waiting, 1);
  send(end);
  send(undefined);
  await reading;
  assert.equal(pieces.length, 6);
  assert.equal(clock.waiting, 0);
});

test("no chunk is lost to a comment that comes at the same moment", async () => {
  const clock = fakeClock();
  const { reply, send } = trickle();
  const { pieces, reading } = read(Promise.resolve(reply), clock);
  for (const chunk of [...chunksOf("a", "b", "c"), undefined]) {
    await clock.advance(999);
    const advancing = clock.advance(1);
    send(chunk);
    await advancing;
  }
  await reading;
  const events = pieces.filter((piece) => piece !== COMMENT);
  assert.equal(events.length, 6);
  assert.equal(events.at(-1), "data: [DONE]\n\n");
  assert.deepEqual(
    events.slice(0, -1).map((piece) => JSON.parse(piece.slice(6))),
    chunksOf("a", "b", "c"),
  );
});

test("a caller who does not read gets no comments for the time it slept", async () => {
  const clock = fakeClock();
  const stream = eventStream(Promise.resolve(streamOf(chunksOf("a"))), options(clock));
  await stream.next();
  await clock.advance(10_000);
  assert.match((await stream.next()).value ?? "", /"content":"a"/);
  await stream.return();
  assert.equal(clock.waiting, 0);
});

test("a caller who leaves in the middle lets go of the reply and of the timer", async () => {
  const clock = fakeClock();
  const handler = scripted(chunksOf("a", "b"));
  const stream = eventStream(handler(chat()), options(clock));
  await stream.next();
  assert.equal(handler.open, 1);
  assert.equal(clock.waiting, 1);
  await stream.return();
  assert.equal(handler.open, 0);
  assert.equal(clock.waiting, 0);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test("a caller who leaves while the model is silent lets go of the reply and of the timer", async () => {
  const clock = fakeClock();
  const { reply, left } = trickle();
  const stream = eventStream(Promise.resolve(reply), options(clock));
  const comment = stream.next();
  await clock.advance(1000);
  assert.equal((await comment).value, COMMENT);
  await stream.return();
  assert.ok(left());
  assert.equal(clock.waiting, 0);
});

test("a caller who leaves before the reply has begun lets go of it once it does, and of the timer", async () => {
  const clock = fakeClock();
  const handler = scripted(chunksOf("a"));
  const replying = Promise.withResolvers<ChatReply>();
  const stream = eventStream(replying.promise, options(clock));
  const comment = stream.next();
  await clock.advance(1000);
  assert.equal((await comment).value, COMMENT);
  await stream.return();
  assert.equal(clock.waiting, 0);
  replying.resolve(await handler(chat()));
  await clock.advance(0);
  assert.equal(handler.open, 0);
});

test("a reply that fails after its caller has left is nobody's failure", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const stream = eventStream(replying.promise, options(clock));
  const comment = stream.next();
  await clock.advance(1000);
  await comment;
  await stream.return();
  replying.reject(failure);
  // An unhandled rejection would fail the test.
  await clock.advance(0);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test("a late reply that cannot be let go is nobody's failure", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const stream = eventStream(replying.promise, options(clock));
  const comment = stream.next();
  await clock.advance(1000);
  await comment;
  await stream.return();
  const { reply } = trickle();
  const iterator = { ...reply.chunks[Symbol.asyncIterator](), return: () => Promise.reject(new Error("broken")) };
  replying.resolve({ headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } });
  // An unhandled rejection would fail the test.
  await clock.advance(0);
  assert.equal(clock.waiting, 0);
});

function options(clock: FakeClock, more: Partial<EventStreamOptions> = {}): EventStreamOptions {
  return {
    includeUsage: false,
    keepAliveMs: 1000,
    clock,
    // Only errors are thrown here.
    onFailure: (thrown) => ({ error: (thrown as Error).message }),
    ...more,
  };
}

function read(replying: Promise<ChatReply>, clock: FakeClock): { pieces: string[]; reading: Promise<void> } {
  const pieces: string[] = [];
  const reading = (async () => {
    for await (const piece of eventStream(replying, options(clock))) pieces.push(piece);
  })();
  return { pieces, reading };
}

async function written(
  replying: Promise<ChatReply>,
  more: Partial<EventStreamOptions> = {},
): Promise<{ text: string; events: unknown[]; waiting: number }> {
  const clock = fakeClock();
  const text = (await all(eventStream(replying, options(clock, more)))).join("");
  // A piece may hold several events: those that were there together.
  const data = text.split("\n\n").slice(0, -1);
  const events = data.map((each) => each.slice("data: ".length));
  return { text, events: events.map((each) => (each === "[DONE]" ? each : JSON.parse(each))), waiting: clock.waiting };
}

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

/** A reply whose chunks are sent by hand; `undefined` ends it. */
function trickle(): { reply: ChatReply; send: (chunk: ChatChunk | undefined) => void; left: () => boolean } {
  const sent: (ChatChunk | undefined)[] = [];
  let wake = (): void => {};
  let left = false;
  const iterator: AsyncIterator<ChatChunk> = {
    async next() {
      while (sent.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const value = sent.shift();
      return value ? { done: false, value } : { done: true, value: undefined };
    },
    async return() {
      left = true;
      return { done: true, value: undefined };
    },
  };
  return {
    reply: { headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } },
    send: (chunk) => {
      sent.push(chunk);
      wake();
    },
    left: () => left,
  };
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}
