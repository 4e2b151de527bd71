import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { branch, letGo, pause, replyUnlessAborted, unlessAborted } from "./abort.ts";
import { iterate } from "./chunk-iterator.ts";
import { collect } from "./collect.ts";
import type { ChatChunk, ChatReply } from "./index.ts";
import { settled } from "./testing/outcome.ts";
import { readyIn } from "./testing/ready-in.ts";
import { chat, chunksOf, fakeClock, scripted } from "./testing.ts";

const reason = new Error("left");

test("a branch aborts with its call, for the same reason", () => {
  const { call, leave } = caller();
  const { signal, request } = branch(chat("Hi", call));
  assert.equal(request.call.signal, signal);
  assert.equal(signal.aborted, false);
  leave();
  assert.equal(signal.reason, reason);
});

test("a branch of a call that is over already is aborted from the start", () => {
  assert.equal(branch(chat("Hi", { signal: AbortSignal.abort(reason) })).signal.reason, reason);
});

test("a branch aborts alone, and the call and its other branches go on", () => {
  const { call } = caller();
  const request = chat("Hi", call);
  const [one, other] = [branch(request), branch(request)];
  one.abort(reason);
  assert.equal(one.signal.reason, reason);
  assert.equal(other.signal.aborted, false);
  assert.equal(call.signal.aborted, false);
});

test("a branch keeps everything of its request but the signal", () => {
  const request = chat({ model: "m", x: 1 }, { id: "id-1", headers: { "x-a": "b" } });
  const { request: below, signal } = branch(request);
  assert.deepEqual({ ...below, call: 0 }, { ...request, call: 0 });
  assert.deepEqual({ ...below.call, signal: 0 }, { ...request.call, signal: 0 });
  assert.equal(below.call.context, request.call.context);
  assert.notEqual(signal, request.call.signal);
});

test("a branch that is released ends what is left of it, and listens to the call no more", () => {
  const { call, listening } = caller();
  const own = branch(chat("Hi", call));
  assert.equal(listening(), 1);
  own.release();
  assert.equal(listening(), 0);
  assert.ok(own.signal.aborted);
  assert.equal(call.signal.aborted, false);
});

test("a promise gives what it gives, and nothing listens any more", async () => {
  const { call, listening } = caller();
  const late = (): void => assert.fail("it was not late");
  assert.equal(await unlessAborted(Promise.resolve(1), call.signal, late), 1);
  await assert.rejects(unlessAborted(Promise.reject(reason), call.signal, late), (thrown) => thrown === reason);
  await settled();
  assert.equal(listening(), 0);
});

test("an abort comes before a promise that is not settled, and what comes later is handed on", async () => {
  for (const before of [true, false]) {
    const { call, leave } = caller();
    const slow = Promise.withResolvers<number>();
    const late: number[] = [];
    if (before) leave();
    const waiting = unlessAborted(slow.promise, call.signal, (value) => late.push(value));
    if (!before) leave();
    await assert.rejects(waiting, (thrown) => thrown === reason);
    assert.deepEqual(late, []);
    slow.resolve(1);
    await settled();
    assert.deepEqual(late, [1]);
  }
});

test("a failure that comes after the abort is nobody's, and not left unhandled", async () => {
  const { call, leave } = caller();
  const slow = Promise.withResolvers<number>();
  const waiting = unlessAborted(slow.promise, call.signal, () => assert.fail("it failed"));
  leave();
  await assert.rejects(waiting, (thrown) => thrown === reason);
  slow.reject(new Error("late"));
  // An unhandled rejection would fail the test.
  await settled();
});

test("a reply that comes after the abort is let go, unread", async () => {
  const { call, leave } = caller();
  const handler = scripted(chunksOf("a"));
  const slow = Promise.withResolvers<ChatReply>();
  const waiting = replyUnlessAborted(slow.promise, call.signal);
  leave();
  await assert.rejects(waiting, (thrown) => thrown === reason);
  slow.resolve(await handler(chat()));
  await settled();
  assert.equal(handler.open, 0);
});

test("a reply that is not aborted is whole, headers and all, and its signal is free", async () => {
  const { call, listening } = caller();
  const replying = scripted(async () => ({ headers: { "x-a": "b" }, chunks: played(chunksOf("a", "b")) }))(chat());
  const reply = await replyUnlessAborted(replying, call.signal);
  assert.deepEqual(reply.headers, { "x-a": "b" });
  assert.equal((await collect(reply)).choices[0]?.message.content, "ab");
  await settled();
  assert.equal(listening(), 0);
});

test("a reply that fails or is left frees its signal, and lets go of its source", async () => {
  for (const script of [[reason], chunksOf("a")]) {
    const { call, listening } = caller();
    const handler = scripted(script);
    const iterator = iterate((await replyUnlessAborted(handler(chat()), call.signal)).chunks);
    if (script[0] === reason) await assert.rejects(iterator.next(), (thrown) => thrown === reason);
    else await iterator.return?.();
    await settled();
    assert.equal(listening(), 0);
    assert.equal(handler.open, 0);
  }
});

test("an abort ends a reading that is under way at once, though the source never gives or ends", async () => {
  const { call, leave } = caller();
  const never = new Promise<never>(() => {});
  let left = 0;
  const deaf: AsyncIterator<ChatChunk> = {
    next: () => never,
    return: () => {
      left++;
      return never;
    },
  };
  const source = { headers: {}, chunks: { [Symbol.asyncIterator]: () => deaf } };
  const iterator = iterate((await replyUnlessAborted(Promise.resolve(source), call.signal)).chunks);
  const reading = iterator.next();
  leave();
  await assert.rejects(reading, (thrown) => thrown === reason);
  await assert.rejects(iterator.next(), (thrown) => thrown === reason);
  assert.ok(left > 0);
  assert.equal((await iterator.return?.())?.done, true);
});

test("an abort lets go of a source that nobody reads", async () => {
  const { call, leave } = caller();
  const handler = scripted(chunksOf("a"));
  await replyUnlessAborted(handler(chat()), call.signal);
  assert.equal(handler.open, 1);
  leave();
  await settled();
  assert.equal(handler.open, 0);
});

test("what is ready is handed on, until the abort", async () => {
  const { call, leave } = caller();
  const { reply } = readyIn([chunksOf("a", "b")]);
  const iterator = iterate((await replyUnlessAborted(Promise.resolve(reply), call.signal)).chunks);
  await iterator.next();
  assert.equal(iterator.ready?.()?.choices[0]?.delta.content, "a");
  leave();
  assert.equal(iterator.ready?.(), undefined);
});

test("a reply whose end fails is let go all the same", async () => {
  const failing = { next: () => Promise.reject(reason), return: () => Promise.reject(reason) };
  letGo({ headers: {}, chunks: { [Symbol.asyncIterator]: () => failing } });
  // An unhandled rejection would fail the test.
  await settled();
});

test("a pause lasts as long as it should, and leaves neither timer nor listener", async () => {
  const { call, listening } = caller();
  const clock = fakeClock();
  let over = false;
  pause(100, clock, call.signal).then(() => {
    over = true;
  });
  await clock.advance(99);
  assert.equal(over, false);
  await clock.advance(1);
  assert.ok(over);
  assert.deepEqual([clock.waiting, listening()], [0, 0]);
});

test("a pause ends with the signal, and does not begin after it", async () => {
  const { call, leave, listening } = caller();
  const clock = fakeClock();
  const pausing = pause(100, clock, call.signal);
  assert.equal(clock.waiting, 1);
  leave();
  await assert.rejects(pausing, (thrown) => thrown === reason);
  assert.deepEqual([clock.waiting, listening()], [0, 0]);
  await assert.rejects(pause(100, clock, call.signal), (thrown) => thrown === reason);
  assert.deepEqual([clock.waiting, listening()], [0, 0]);
});

function caller() {
  const stop = new AbortController();
  const { signal } = stop;
  return {
    call: { signal },
    leave: () => stop.abort(reason),
    listening: () => getEventListeners(signal, "abort").length,
  };
}

async function* played(chunks: readonly ChatChunk[]): AsyncGenerator<ChatChunk> {
  yield* chunks;
}
