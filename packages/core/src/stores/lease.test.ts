import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { GatewayError } from "../error.ts";
import { failureOf, settled } from "../testing/outcome.ts";
import { fakeClock } from "../testing.ts";
import { keepRenewing, LEASE_MS, takeLease } from "./lease.ts";
import { memoryStore } from "./memory-store.ts";
import type { LeaseStore } from "./store.ts";

const FULL = new GatewayError("llm.overloaded", "full");
const LEFT = new GatewayError("llm.canceled", "left");

test("a lease is renewed before it ends, until it is stopped", async () => {
  const clock = fakeClock();
  let renewed = 0;
  const stop = keepRenewing(async () => renewed++, clock);
  assert.equal(renewed, 0);
  await clock.advance(LEASE_MS - 1);
  assert.ok(renewed >= 2, "two renewals may fail");
  await clock.advance(10 * LEASE_MS);
  assert.ok(renewed >= 22);
  stop(() => {});
  assert.equal(clock.waiting, 0);
  const before = renewed;
  await clock.advance(10 * LEASE_MS);
  assert.equal(renewed, before);
});

test("a renewal that fails, or never ends, is made good by the next", async () => {
  for (const renewal of [() => Promise.reject(new Error("gone")), () => new Promise(() => {})]) {
    const clock = fakeClock();
    let renewed = 0;
    const stop = keepRenewing(() => {
      renewed++;
      return renewal();
    }, clock);
    await clock.advance(2 * LEASE_MS);
    assert.ok(renewed >= 4);
    stop(() => {});
    assert.equal(clock.waiting, 0);
  }
});

test("a slot that is free is taken at once, kept, and freed", async () => {
  const { take, clock, asked, isFree } = setUp();
  const release = await take();
  assert.equal(asked(), 1);
  await clock.advance(10 * LEASE_MS);
  assert.equal(await isFree(), false);
  release();
  assert.equal(await isFree(), true);
  assert.equal(clock.waiting, 0);
});

test("each who holds a slot is another owner", async () => {
  const { take } = setUp(2);
  await take();
  await take();
  assert.equal(await failureOf(take({ giveUpAt: 0 })), FULL);
});

test("a slot that is taken is asked for again, ever more seldom, until it is free", async () => {
  const { take, clock, asks } = setUp();
  const release = await take();
  const taking = take({ giveUpAt: 60_000 });
  await clock.advance(2500);
  release();
  await clock.advance(500);
  (await taking)();
  assert.deepEqual(asks.slice(1), [0, 20, 60, 140, 300, 620, 1120, 1620, 2120, 2620]);
});

test("who would have to wait for longer than it may is told so, and takes nothing", async () => {
  const { take, clock, isFree } = setUp();
  const release = await take();
  const taking = failureOf(take({ giveUpAt: 10_000 }));
  await clock.advance(10_000);
  assert.equal(await taking, FULL);
  release();
  assert.equal(clock.waiting, 0);
  assert.equal(await isFree(), true);
});

test("who may not wait is told so at once", async () => {
  const { take, clock, asked } = setUp();
  await take();
  const waiting = clock.waiting;
  assert.equal(await failureOf(take({ giveUpAt: 0 })), FULL);
  assert.equal(asked(), 2);
  assert.equal(clock.waiting, waiting);
});

test("who waits has all the time that it may wait", async () => {
  for (const [giveUpAt, freeAt] of [
    [600, 500],
    [10_000, 9900],
    [30, 25],
  ] as const) {
    const { take, clock } = setUp();
    const release = await take();
    const taking = take({ giveUpAt });
    taking.catch(() => {});
    await clock.advance(freeAt);
    release();
    await clock.advance(giveUpAt - freeAt);
    (await taking)();
  }
});

test("a caller who leaves while it waits ends with the signal's reason, and takes nothing", async () => {
  const { take, clock, isFree } = setUp();
  const release = await take();
  const stop = new AbortController();
  const taking = assert.rejects(take({ signal: stop.signal }), (thrown) => thrown === LEFT);
  await clock.advance(100);
  stop.abort(LEFT);
  await taking;
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  release();
  assert.equal(clock.waiting, 0);
  await clock.advance(10_000);
  assert.equal(await isFree(), true);
});

test("a caller who leaves while the store is asked gives the slot back that it gets", async () => {
  const { take, clock, hold, isFree } = setUp();
  const go = hold();
  const stop = new AbortController();
  const taking = assert.rejects(take({ signal: stop.signal }), (thrown) => thrown === LEFT);
  stop.abort(LEFT);
  go();
  await taking;
  await settled();
  assert.equal(await isFree(), true);
  assert.equal(clock.waiting, 0);
});

test("what the store throws is thrown, and nothing goes on", async () => {
  const defect = new Error("no store");
  const clock = fakeClock();
  const store: LeaseStore = { lease: () => Promise.reject(defect), release: async () => {} };
  const wait = { giveUpAt: 1000, clock, signal: new AbortController().signal, full: () => FULL };
  await assert.rejects(takeLease(store, "key", 1, wait), (thrown) => thrown === defect);
  assert.equal(clock.waiting, 0);
});

test("a slot that cannot be freed is free once its lease ends", async () => {
  const { take, clock, isFree, breakRelease } = setUp();
  breakRelease();
  const release = await take();
  release();
  await settled();
  assert.equal(await isFree(), false);
  assert.equal(clock.waiting, 0);
  await clock.advance(LEASE_MS);
  assert.equal(await isFree(), true);
});

/** Slots of one key, and a store that can be held up. */
function setUp(max = 1) {
  const clock = fakeClock();
  const memory = memoryStore({ clock });
  const asks: number[] = [];
  let held = Promise.resolve();
  let broken = false;
  const store: LeaseStore = {
    async lease(...wanted) {
      asks.push(clock.now());
      await held;
      return memory.lease(...wanted);
    },
    release: async (...wanted) => (broken ? Promise.reject(new Error("no store")) : memory.release(...wanted)),
  };
  const take = ({ giveUpAt = 10_000, signal = new AbortController().signal } = {}): Promise<() => void> =>
    takeLease(store, "key", max, { giveUpAt, clock, signal, full: () => FULL });
  return {
    take,
    clock,
    asks,
    asked: () => asks.length,
    /** Whether another could have a slot now. */
    isFree: async (): Promise<boolean> => {
      const free = await memory.lease("key", "another", max, LEASE_MS);
      if (free) await memory.release("key", "another");
      return free;
    },
    /** Lets the store answer nothing until the returned function is called. */
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    breakRelease: () => {
      broken = true;
    },
  };
}
