import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draw, Rate, Store } from "@gatewright/core";
import { fakeClock } from "@gatewright/core/testing";
import { isLocal, localStore } from "./local-store.ts";

const hourly = (capacity: number): Rate => ({ kind: "window", capacity, periodMs: 3_600_000 });

async function take(store: Store, cost: number, rate: Rate): Promise<[taken: boolean, remaining: number | undefined]> {
  const { taken, states } = await store.draw("group", [{ key: "key", rate, cost }], false);
  return [taken, states[0]?.remaining];
}

test("a gateway has its share of a limit, and at least one", async () => {
  const store = localStore(4, fakeClock());
  assert.deepEqual(await take(store, 10, hourly(40)), [true, 0]);
  assert.deepEqual(await take(store, 1, hourly(40)), [false, 0]);
  assert.deepEqual(await take(localStore(4, fakeClock()), 1, hourly(2)), [true, 0]);
  assert.deepEqual(await take(localStore(1, fakeClock()), 40, hourly(40)), [true, 0]);
});

test("a call that needs more than the share, and no more than the limit, passes and leaves a debt", async () => {
  const clock = fakeClock();
  const store = localStore(4, clock);
  assert.deepEqual(await take(store, 25, hourly(40)), [true, -15]);
  await clock.advance(2 * 3_600_000);
  assert.deepEqual(await take(store, 25, hourly(40)), [false, 5], "not all of the share is there");
  await clock.advance(3_600_000);
  assert.deepEqual(await take(store, 25, hourly(40)), [true, -15]);
  const never = await store.draw("group", [{ key: "other", rate: hourly(40), cost: 41 }], false);
  assert.deepEqual([never.taken, never.states[0]?.waitMs], [false, Number.POSITIVE_INFINITY]);
});

test("what is drawn here is marked, and settled by its mark", async () => {
  const store = localStore(4, fakeClock());
  const draw: Draw = { key: "key", rate: hourly(40), cost: 10 };
  const { states } = await store.draw("group", [draw], false);
  const settlement = [{ ...draw, cost: -4, since: states[0]?.since }];
  assert.deepEqual([isLocal(settlement), isLocal([draw]), isLocal([{ ...draw, since: "12.5" }])], [true, false, false]);
  assert.equal((await store.draw("group", settlement, true)).states[0]?.remaining, 4);
});

test("slots are shared out, calls are remembered", async () => {
  const store = localStore(4, fakeClock());
  const held = await Promise.all(["a", "b", "c"].map((owner) => store.lease("key", owner, 11, 1000)));
  assert.deepEqual(held, [true, true, false]);
  assert.equal(await store.lease("other", "a", 1, 1000), true);
  await store.claim("key", "print", "a", 1000);
  await store.settle("key", "a", "record", 1000);
  assert.equal((await store.claim("key", "print", "b", 1000)).state, "done");
});
