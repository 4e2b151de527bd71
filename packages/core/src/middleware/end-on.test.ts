import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatChunk, ChatReply, Handler } from "../index.ts";
import { discard } from "../reply.ts";
import { failureOf, settled } from "../testing/outcome.ts";
import { chat, chunksOf, type Outcome, scripted } from "../testing.ts";
import { endOn } from "./end-on.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const failure = new GatewayError("llm.provider.overloaded", "busy");
const deaf: Handler = () => new Promise(() => {});

test("a call that has not begun ends at once, though its handler ignores its signal", async () => {
  const { pipeline, request, handler, stop, nothingLeft } = setUp(deaf);
  const failing = failureOf(pipeline(request));
  await settled();
  stop.abort();
  const error = await failing;
  assert.deepEqual(
    [error.code, error.status, error.retryable, error.retryAfterMs],
    ["llm.shutting_down", 503, true, 1000],
  );
  assert.equal(handler.requests[0]?.call.signal.reason, error);
  assert.equal(request.call.signal.aborted, false);
  nothingLeft();
});

test("a stream ends with the failure after what was sent of it, though its source is silent", async () => {
  const [, first] = chunksOf("a");
  const never = new Promise<never>(() => {});
  let given = false;
  const next = (): Promise<IteratorResult<ChatChunk>> => {
    if (given || !first) return never;
    given = true;
    return Promise.resolve({ done: false, value: first });
  };
  const silent: Handler = async () => ({ headers: {}, chunks: { [Symbol.asyncIterator]: () => ({ next }) } });
  const { pipeline, request, stop, listening } = setUp(silent);
  const iterator = (await pipeline(request)).chunks[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value?.choices[0]?.delta.content, "a");
  const failing = failureOf(iterator.next());
  await settled();
  stop.abort();
  const error = await failing;
  assert.deepEqual([error.code, error.phase], ["llm.shutting_down", "during"]);
  assert.deepEqual(listening(), [0, 0]);
});

test("a call that comes after is refused, and nothing is called", async () => {
  const { pipeline, request, handler, stop, nothingLeft } = setUp("never");
  stop.abort();
  for (let time = 0; time < 2; time++) assert.equal((await failureOf(pipeline(request))).code, "llm.shutting_down");
  assert.equal(handler.requests.length, 0);
  nothingLeft();
});

test("the error is the signal's reason where that is one of the gateway's", async () => {
  const reason = new GatewayError("llm.overloaded", "moved away");
  const { pipeline, request, stop } = setUp(deaf, "never");
  const failing = failureOf(pipeline(request));
  stop.abort(reason);
  assert.equal(await failing, reason);
  assert.equal(await failureOf(pipeline(request)), reason);
});

test("every call in flight ends", async () => {
  const { pipeline, stop, listening } = setUp(...Array<Outcome>(20).fill(deaf));
  const failing = Array.from({ length: 20 }, () => failureOf(pipeline(chat())));
  await settled();
  assert.equal(listening()[1], 1, "one listener serves them all");
  stop.abort();
  for (const { code } of await Promise.all(failing)) assert.equal(code, "llm.shutting_down");
  assert.equal(listening()[1], 0);
});

test("an answer that comes after the end is let go, unread", async () => {
  const gate = Promise.withResolvers<void>();
  const { pipeline, request, handler, stop, nothingLeft } = setUp(async (sent) => {
    await gate.promise;
    return scripted(chunksOf("late"))(sent);
  });
  const failing = failureOf(pipeline(request));
  await settled();
  stop.abort();
  await failing;
  gate.resolve();
  await settled();
  assert.equal(handler.open, 0);
  nothingLeft();
});

const ENDS: Readonly<Record<string, readonly [Outcome, (replying: Promise<ChatReply>, leave: () => void) => unknown]>> =
  {
    "is complete": [
      chunksOf("a", "b"),
      async (replying) => assert.equal((await collect(await replying)).choices[0]?.message.content, "ab"),
    ],
    "is refused from below": [failure, (replying) => assert.rejects(replying, (thrown) => thrown === failure)],
    "fails in the middle": [
      [...chunksOf("a").slice(0, 2), failure],
      async (replying) => assert.rejects(collect(await replying), { code: failure.code }),
    ],
    "is let go unread": [chunksOf("a"), async (replying) => discard(await replying)],
    "is never read, and its caller goes": [
      chunksOf("a"),
      async (replying, leave) => {
        await replying;
        leave();
      },
    ],
    "is left by its caller before it begins": [
      deaf,
      async (replying, leave) => {
        await settled();
        leave();
        await assert.rejects(replying, (thrown) => thrown === LEFT);
      },
    ],
  };

for (const [how, [outcome, end]] of Object.entries(ENDS)) {
  test(`a call that ${how} leaves nothing behind, and a signal that aborts after it means nothing`, async () => {
    const { pipeline, request, stop, leave, nothingLeft } = setUp(outcome);
    await end(pipeline(request), leave);
    await settled();
    nothingLeft({ listeners: 1 });
    stop.abort();
    await settled();
    nothingLeft();
  });
}

function setUp(...outcomes: readonly Outcome[]) {
  const stop = new AbortController();
  const caller = new AbortController();
  const handler = scripted(...outcomes);
  const listening = () => [caller.signal, stop.signal].map((signal) => getEventListeners(signal, "abort").length);
  return {
    stop,
    handler,
    listening,
    request: chat("Hi", { signal: caller.signal }),
    pipeline: compose([endOn(stop.signal)], handler),
    leave: () => caller.abort(LEFT),
    /** Until its signal has aborted, the layer keeps one listener on it. */
    nothingLeft: ({ listeners = 0 } = {}) => assert.deepEqual([...listening(), handler.open], [0, listeners, 0]),
  };
}
