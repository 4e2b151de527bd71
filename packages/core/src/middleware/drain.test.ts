import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { OTHER_WON, pause } from "../abort.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { deadline } from "../deadline.ts";
import { GatewayError, toGatewayError } from "../error.ts";
import type { ChatChunk, Handler, Middleware, ReplyEnd } from "../index.ts";
import { onEnd, textReply } from "../reply.ts";
import { readyIn } from "../testing/ready-in.ts";
import { chat, chunksOf, type FakeClock, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type DrainOptions, drain } from "./drain.ts";
import { endOn } from "./end-on.ts";
import { hedge } from "./hedge.ts";
import { timeout } from "./timeout.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const failure = new GatewayError("llm.provider.server_error", "broke");
const USAGE = { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 };
const chunks: readonly ChatChunk[] = [...chunksOf("a", "b", "c"), { choices: [], usage: USAGE }];

test("an answer that its caller reads to the end is passed on whole, and leaves nothing behind", async () => {
  const { pipeline, request, below, seen, nothingLeft } = setUp(dripping(0));
  assert.equal((await collect(await pipeline(request))).choices[0]?.message.content, "abc");
  assert.deepEqual(seen(below), ["completed", USAGE]);
  nothingLeft();
});

test("an answer whose caller leaves in the middle is read on, and its usage is counted below", async () => {
  const { pipeline, request, clock, below, above, seen, leave, nothingLeft } = setUp(dripping(100));
  const reading = readAll(pipeline(request));
  await clock.advance(150);
  leave();
  assert.equal((await reading)?.code, "llm.canceled");
  assert.deepEqual(seen(above), ["canceled", undefined]);
  assert.equal(below.length, 0);
  await clock.advance(1000);
  assert.deepEqual(seen(below), ["completed", USAGE]);
  nothingLeft();
});

test("an answer that its reader stops reading is read on", async () => {
  const { pipeline, request, clock, below, seen, nothingLeft } = setUp(dripping(100));
  const stopping = (async () => {
    for await (const _ of (await pipeline(request)).chunks) break;
  })();
  await clock.advance(100);
  await stopping;
  await clock.advance(1000);
  assert.deepEqual(seen(below), ["completed", USAGE]);
  nothingLeft();
});

test("an answer that nobody reads is read on once its caller has left", async () => {
  const { pipeline, request, clock, below, seen, leave, nothingLeft } = setUp(dripping(100));
  const replying = pipeline(request);
  await clock.advance(5000);
  await replying;
  assert.equal(below.length, 0);
  leave();
  await clock.advance(1000);
  assert.deepEqual(seen(below), ["completed", USAGE]);
  nothingLeft();
});

test("an answer whose caller leaves before it begins is waited for and read on", async () => {
  const { pipeline, request, clock, below, seen, leave, nothingLeft } = setUp(dripping(100));
  const failed = assert.rejects(pipeline(request), (thrown) => thrown === LEFT);
  await clock.advance(50);
  leave();
  await failed;
  await clock.advance(1000);
  assert.deepEqual(seen(below), ["completed", USAGE]);
  nothingLeft();
});

test("a caller who leaves before the answer is not kept waiting by a provider that never answers", async () => {
  const deaf: Handler = () => new Promise(() => {});
  const { pipeline, request, clock, handler, leave, nothingLeft } = setUp(() => deaf, { maxMs: 1000 });
  const failed = assert.rejects(pipeline(request), (thrown) => thrown === LEFT);
  await clock.advance(50);
  leave();
  await failed;
  await clock.advance(999);
  assert.equal(handler.requests[0]?.call.signal.aborted, false);
  await clock.advance(1);
  assert.ok(handler.requests[0]?.call.signal.aborted);
  nothingLeft();
});

test("what takes too long after its caller has left is canceled", async () => {
  const { pipeline, request, clock, handler, below, seen, leave, nothingLeft } = setUp(dripping(400), { maxMs: 500 });
  const reading = readAll(pipeline(request));
  await clock.advance(450);
  leave();
  await reading;
  await clock.advance(499);
  assert.equal(handler.requests[0]?.call.signal.aborted, false);
  await clock.advance(1);
  assert.ok(handler.requests[0]?.call.signal.aborted);
  assert.deepEqual(seen(below), ["canceled", undefined]);
  nothingLeft();
});

test("what is left at the call's deadline is canceled", async () => {
  for (const [at, canceledAt] of [
    [700, 700],
    [5000, 950],
  ] as const) {
    const { pipeline, request, clock, handler, below, seen, leave, nothingLeft } = setUp(dripping(400), { maxMs: 500 });
    request.call.context.set(deadline, at);
    const reading = readAll(pipeline(request));
    await clock.advance(450);
    leave();
    await reading;
    await clock.advance(canceledAt - 451);
    assert.equal(handler.requests[0]?.call.signal.aborted, false);
    await clock.advance(1);
    assert.ok(handler.requests[0]?.call.signal.aborted);
    assert.deepEqual(seen(below), ["canceled", undefined]);
    nothingLeft();
  }
});

test("a caller who leaves after the deadline has come has nothing read on", async () => {
  const { pipeline, request, clock, handler, leave, nothingLeft } = setUp(dripping(400));
  request.call.context.set(deadline, 200);
  const reading = readAll(pipeline(request));
  await clock.advance(450);
  leave();
  await reading;
  await clock.advance(0);
  assert.ok(handler.requests[0]?.call.signal.aborted);
  nothingLeft();
});

/** Why a call is ended, and whether what is left of it is read on. */
const REASONS: Readonly<Record<string, readonly [reason: unknown, readOn: boolean]>> = {
  "its caller has left": [LEFT, true],
  "its caller has left, for a reason of its own": [new Error("tab closed"), true],
  "its time is up": [new GatewayError("llm.timeout.total", "late"), false],
  "the gateway shuts down": [new GatewayError("llm.shutting_down", "bye"), false],
  "another try has won": [OTHER_WON, false],
};

for (const [why, [reason, readOn]] of Object.entries(REASONS)) {
  test(`a call that ends because ${why} is ${readOn ? "read on" : "canceled at once"}, begun or not`, async () => {
    for (const at of [50, 150]) {
      const { pipeline, request, clock, handler, leave, nothingLeft } = setUp(dripping(100));
      const reading = readAll(pipeline(request));
      await clock.advance(at);
      leave(reason);
      await reading;
      await clock.advance(0);
      const { signal } = handler.requests[0]?.call ?? {};
      assert.equal(signal?.aborted, !readOn);
      if (!readOn) assert.equal(signal?.reason, reason);
      await clock.advance(1000);
      nothingLeft();
    }
  });
}

test("a timeout, a shutdown and a hedge outside cancel at once", async () => {
  const stop = new AbortController();
  const slow = (clock: FakeClock) => dripping(400)(clock);
  const layers: Readonly<Record<string, (clock: FakeClock) => Middleware>> = {
    timeout: (clock) => timeout({ totalMs: 500, clock }),
    endOn: () => endOn(stop.signal),
    hedge: (clock) => hedge({ afterMs: 100, clock }),
  };
  for (const [name, layer] of Object.entries(layers)) {
    const clock = fakeClock();
    const handler = scripted(slow(clock), "second");
    const reading = readAll(compose([layer(clock), drain({ clock })], handler)(chat({ stream: true })));
    await clock.advance(500);
    if (name === "endOn") stop.abort();
    await reading;
    await clock.advance(0);
    assert.ok(handler.requests[0]?.call.signal.aborted, name);
    assert.deepEqual([clock.waiting, handler.open], [0, 0], name);
  }
});

test("what is too much to be read on is canceled", async () => {
  const size = JSON.stringify(chunksOf("a")[1]).length;
  for (const [maxChars, end] of [
    [2 * size, "canceled"],
    [100 * size, "completed"],
  ] as const) {
    const { pipeline, request, clock, handler, below, leave, nothingLeft } = setUp(dripping(100), { maxChars });
    const reading = readAll(pipeline(request));
    await clock.advance(100);
    leave();
    await reading;
    await clock.advance(1000);
    assert.equal(below[0]?.outcome, end);
    assert.ok(handler.requests[0]?.call.signal.aborted);
    nothingLeft();
  }
});

test("what is above sees its call canceled at once, whether it reads or not", async () => {
  const deaf: Handler = async () => ({
    headers: {},
    chunks: (async function* () {
      yield* chunks.slice(0, 2);
      await new Promise(() => {});
    })(),
  });
  const { pipeline, request, clock, leave } = setUp(() => deaf, { maxMs: 100 });
  const iterator = (await pipeline(request)).chunks[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  const failed = assert.rejects(iterator.next(), { code: "llm.canceled" });
  leave();
  await failed;
  await clock.advance(100);
  assert.equal(clock.waiting, 0);
});

test("a failure is the same failure, before the answer and in its middle, and leaves nothing behind", async () => {
  const before = setUp(() => failure);
  await assert.rejects(before.pipeline(before.request), (thrown) => thrown === failure);
  before.nothingLeft();
  const middle = setUp(() => [...chunks.slice(0, 2), failure]);
  await assert.rejects(collect(await middle.pipeline(middle.request)), { code: failure.code, phase: "during" });
  middle.nothingLeft();
  assert.deepEqual(middle.seen(middle.below), ["interrupted", undefined]);
});

test("a failure after its caller has left is nobody's, and not left unhandled", async () => {
  for (const at of [50, 150]) {
    const failing = (clock: FakeClock): Handler => {
      return async () => {
        await pause(100, clock, new AbortController().signal);
        if (at < 100) throw failure;
        return {
          headers: {},
          chunks: (async function* () {
            yield* chunks.slice(0, 2);
            await pause(100, clock, new AbortController().signal);
            throw failure;
          })(),
        };
      };
    };
    const { pipeline, request, clock, leave, nothingLeft } = setUp(failing);
    const reading = readAll(pipeline(request));
    await clock.advance(at);
    leave();
    await reading;
    // An unhandled rejection would fail the test.
    await clock.advance(1000);
    nothingLeft();
  }
});

test("a caller who has left already is told so, and nothing is called", async () => {
  const { pipeline, request, handler, leave, nothingLeft } = setUp(dripping(0));
  leave();
  await assert.rejects(pipeline(request), (thrown) => thrown === LEFT);
  assert.equal(handler.requests.length, 0);
  nothingLeft();
});

test("a caller who leaves after the end means nothing any more", async () => {
  const { pipeline, request, clock, below, leave, nothingLeft } = setUp(() => async () => textReply("Hello"));
  await collect(await pipeline(request));
  leave();
  await clock.advance(0);
  assert.equal(below.length, 1);
  nothingLeft();
});

test("what is below is over when the answer is", async () => {
  const { pipeline, request, handler } = setUp(dripping(0));
  const reply = await pipeline(request);
  assert.equal(handler.requests[0]?.call.signal.aborted, false);
  await collect(reply);
  assert.ok(handler.requests[0]?.call.signal.aborted);
});

test("what is ready stays ready", async () => {
  const { pipeline, request, leave } = setUp(() => async () => readyIn([chunksOf("a", "b")]).reply);
  const iterator = (await pipeline(request)).chunks[Symbol.asyncIterator]();
  assert.ok("ready" in iterator && typeof iterator.ready === "function");
  // The first two were read to see whether the answer has begun.
  for (const expected of ["", "a", "b"]) assert.equal(iterator.ready()?.choices[0]?.delta.content, expected);
  leave();
  assert.equal(iterator.ready(), undefined);
});

test("limits that cannot be used are refused by name", () => {
  for (const ms of [0, -1, Number.NaN, 2 ** 31]) {
    assert.throws(() => drain({ maxMs: ms }), { name: "TypeError", message: /^drain: maxMs / });
  }
  for (const maxChars of [0, -1, 0.5, Number.POSITIVE_INFINITY]) {
    assert.throws(() => drain({ maxChars }), { name: "TypeError", message: /^drain: maxChars / });
  }
});

/** A stream with so much time before each of its chunks, which listens to its signal. */
function dripping(ms: number): (clock: FakeClock) => Handler {
  return (clock) =>
    async ({ call: { signal } }) => ({
      headers: {},
      chunks: (async function* () {
        for (const chunk of chunks.slice(1)) {
          if (ms > 0) await pause(ms, clock, signal);
          yield chunk;
        }
      })(),
    });
}

/** A drain between two layers that see how replies end. */
function setUp(outcome: (clock: FakeClock) => Outcome, options: DrainOptions = {}) {
  const clock = fakeClock();
  const stop = new AbortController();
  const handler = scripted(outcome(clock));
  const above: ReplyEnd[] = [];
  const below: ReplyEnd[] = [];
  const watch =
    (ends: ReplyEnd[]): Middleware =>
    async (request, next) =>
      onEnd(await next(request), (end) => ends.push(end), request.call.signal);
  return {
    clock,
    handler,
    above,
    below,
    request: chat({ stream: true }, { signal: stop.signal }),
    pipeline: compose([watch(above), drain({ clock, ...options }), watch(below)], handler),
    leave: (reason: unknown = LEFT) => stop.abort(reason),
    seen: (ends: readonly ReplyEnd[]) => {
      assert.equal(ends.length, 1);
      return [ends[0]?.outcome, ends[0]?.usage];
    },
    nothingLeft: () =>
      assert.deepEqual([clock.waiting, getEventListeners(stop.signal, "abort").length, handler.open], [0, 0, 0]),
  };
}

/** Reads until the end or a failure, which is given back. */
async function readAll(replying: ReturnType<Handler>): Promise<GatewayError | undefined> {
  try {
    for await (const _ of (await replying).chunks);
    return undefined;
  } catch (thrown) {
    return toGatewayError(thrown);
  }
}
