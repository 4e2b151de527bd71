import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import type { ChatChunk, ChatReply, Handler, Middleware } from "../chat.ts";
import { iterate } from "../chunk-iterator.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import { HeldChunks } from "../held-chunks.ts";
import type { CallRecord } from "../index.ts";
import { log } from "../middleware/log.ts";
import { begunInSilence } from "../notes.ts";
import { discard } from "../reply.ts";
import { settled, UNFINISHED, type Way } from "../testing/outcome.ts";
import { chat, chunksOf, type Outcome, scripted } from "../testing.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const BUSY = new GatewayError("llm.provider.overloaded", "busy");

type End = readonly [outcome: string, status: number, partial: boolean, code: string | undefined];

/** How a stream ends, and a completion; and the call it is of. */
const ENDS: Readonly<Record<string, readonly [stream: End, completion: End, way: Way]>> = {
  "fails before it begins": [
    ["failed", 503, false, BUSY.code],
    ["failed", 503, false, BUSY.code],
    of("fails before it begins"),
  ],
  "fails in the middle": [
    ["interrupted", 200, true, BUSY.code],
    ["failed", 503, false, BUSY.code],
    of("fails in the middle"),
  ],
  "is cut": [
    ["interrupted", 200, true, "llm.stream.interrupted"],
    ["failed", 502, false, "llm.stream.interrupted"],
    of("is cut"),
  ],
  "is left by its reader": [
    ["canceled", 200, true, "llm.canceled"],
    ["canceled", 499, false, "llm.canceled"],
    of("is left by its reader"),
  ],
  "is let go unread": [
    ["canceled", 200, true, "llm.canceled"],
    ["canceled", 499, false, "llm.canceled"],
    of("is let go unread"),
  ],
  "is never read, and its caller goes": [
    ["canceled", 200, true, "llm.canceled"],
    ["canceled", 499, false, "llm.canceled"],
    of("is never read, and its caller goes"),
  ],
  "is canceled before it begins": [
    ["canceled", 499, false, "llm.canceled"],
    ["canceled", 499, false, "llm.canceled"],
    of("is canceled before it begins"),
  ],
  "is canceled before it begins, by a handler that ignores it": [
    ["canceled", 499, false, "llm.canceled"],
    ["canceled", 499, false, "llm.canceled"],
    [() => new Promise(() => {}), (_replying, leave) => leave()],
  ],
  "fails by a handler that throws at once": [
    ["failed", 500, false, "llm.internal"],
    ["failed", 500, false, "llm.internal"],
    [throwing, (replying) => assert.rejects(replying)],
  ],
  "is complete": [
    ["completed", 200, false, undefined],
    ["completed", 200, false, undefined],
    [chunksOf("a"), async (replying) => collect(await replying)],
  ],
  "is read to its end by a caller who then goes, and let go twice": [
    ["completed", 200, false, undefined],
    ["completed", 200, false, undefined],
    [
      chunksOf("a"),
      async (replying, leave) => {
        const reply = await replying;
        await collect(reply);
        leave();
        await discard(reply);
        await discard(reply);
      },
    ],
  ],
  "is let go by a caller who went, twice": [
    ["canceled", 200, true, "llm.canceled"],
    ["canceled", 499, false, "llm.canceled"],
    [
      chunksOf("a"),
      async (replying, leave) => {
        const reply = await replying;
        leave();
        await discard(reply);
        await discard(reply);
      },
    ],
  ],
};

for (const [how, [streamed, completed, [outcome, end]]] of Object.entries(ENDS)) {
  for (const [stream, expected] of [
    [true, streamed],
    [false, completed],
  ] as const) {
    test(`a ${stream ? "stream" : "completion"} that ${how} has one record: ${expected[0]}`, async () => {
      const { records, handler } = setUp(outcome);
      const leaving = new AbortController();
      const replying = handler(chat({ stream }, { signal: leaving.signal }));
      await end(replying, () => leaving.abort(LEFT));
      await settled();
      leaving.abort(LEFT);
      await settled();
      assert.equal(records.length, 1);
      const { outcome: ended, status, partial, error } = records[0] as CallRecord;
      assert.deepEqual([ended, status, partial, error?.code], expected);
      assert.equal(records[0]?.first_token_ms !== undefined, stream && (partial || ended === "completed"));
      assert.deepEqual(getEventListeners(leaving.signal, "abort"), []);
    });
  }
}

test("a reader that stops while the answer breaks off has canceled it", async () => {
  const reading = Promise.withResolvers<never>();
  const chunks: AsyncIterator<ChatChunk> = {
    next: () => reading.promise,
    return: async () => {
      reading.reject(new GatewayError("llm.stream.interrupted", "closed"));
      return { done: true, value: undefined };
    },
  };
  const first = chunksOf("a").slice(0, 2);
  const { records, handler } = setUp(async () => ({
    headers: {},
    chunks: new HeldChunks(first, chunks),
  }));
  const read = iterate((await handler(chat({ stream: true }))).chunks);
  for (const _ of first) await read.next();
  const broken = assert.rejects(read.next());
  await read.return?.();
  await broken;
  await settled();
  assert.deepEqual(
    records.map(({ outcome, error }) => [outcome, error?.code]),
    [["canceled", "llm.canceled"]],
  );
});

test("what is below may ask twice, and answer late: it is one call", async () => {
  const twice: Middleware = async (request, next) => {
    await assert.rejects(next(request));
    return next(request);
  };
  const { records, handler } = setUp(scripted(BUSY, "Hello"), twice);
  await collect(await handler(chat()));
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ["completed"],
  );
});

test("a handler that answers after its caller went changes nothing any more", async () => {
  const late = Promise.withResolvers<ChatReply>();
  const { records, handler } = setUp(() => late.promise);
  const leaving = new AbortController();
  const replying = handler(chat({}, { signal: leaving.signal }));
  leaving.abort(LEFT);
  await settled();
  late.resolve(await scripted("late")(chat()));
  await collect(await replying);
  await settled();
  assert.deepEqual(
    records.map(({ outcome, first_token_ms }) => [outcome, first_token_ms]),
    [["canceled", undefined]],
  );
});

test("a call whose caller is gone already is canceled", async () => {
  const { records, handler } = setUp(({ call }) => Promise.reject(call.signal.reason));
  await assert.rejects(handler(chat({}, { signal: AbortSignal.abort() })));
  await settled();
  assert.deepEqual(
    records.map(({ outcome, error }) => [outcome, error?.code]),
    [["canceled", "llm.canceled"]],
  );
});

test("an error that a stream could only tell behind its head has status 200, and nothing of an answer was sent", async () => {
  const { records, handler } = setUp(async ({ call }) => {
    call.context.set(begunInSilence, true);
    throw BUSY;
  });
  await assert.rejects(handler(chat({ stream: true })));
  await settled();
  const { outcome, status, partial, error } = records[0] as CallRecord;
  assert.deepEqual([outcome, status, partial, error?.status], ["failed", 200, false, 503]);
});

function of(how: string): Way {
  const way = UNFINISHED[how];
  assert.ok(way, how);
  return way;
}

function throwing(): never {
  throw new Error("defect");
}

function setUp(outcome: Outcome | Handler, ...below: Middleware[]): { records: CallRecord[]; handler: Handler } {
  const records: CallRecord[] = [];
  const calls = log({ sink: { write: (record) => void records.push(record) } });
  const provider = typeof outcome === "function" ? outcome : scripted(outcome);
  return { records, handler: compose([calls, ...below], provider) };
}
