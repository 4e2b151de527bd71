import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../testing.ts";
import { memoryLeases } from "./memory-leases.ts";

// What every store does with leases is in `testStore`.

test("a lease ends at its moment, and not before", async () => {
  const { leases, clock } = setUp();
  await leases.lease("key", "a", 1, 1000);
  await clock.advance(999);
  assert.equal(await leases.lease("key", "b", 1, 1000), false);
  await clock.advance(1);
  assert.equal(await leases.lease("key", "b", 1, 1000), true);
});

test("each renewal counts from its own moment, and may be for a shorter time", async () => {
  const { leases, clock } = setUp();
  await leases.lease("key", "a", 1, 1000);
  await clock.advance(900);
  await leases.lease("key", "a", 1, 1000);
  await clock.advance(900);
  assert.equal(await leases.lease("key", "b", 1, 1000), false);
  await leases.lease("key", "a", 1, 10);
  await clock.advance(10);
  assert.equal(await leases.lease("key", "b", 1, 1000), true);
});

test("a renewal that was refused renews nothing", async () => {
  const { leases, clock } = setUp();
  await leases.lease("key", "a", 1, 1000);
  await clock.advance(1000);
  await leases.lease("key", "b", 1, 1000);
  // It comes too late, and the slot is another's.
  assert.equal(await leases.lease("key", "a", 1, 1000), false);
  await leases.release("key", "b");
  assert.equal(await leases.lease("key", "c", 1, 1000), true);
});

test("slots of owners that died are free once their key is asked, all of them", async () => {
  const { leases, clock } = setUp();
  for (let owner = 0; owner < 5; owner++) await leases.lease("key", `dead ${owner}`, 5, 1000 + owner);
  await clock.advance(1003);
  const held = [];
  for (let owner = 0; owner < 5; owner++) held.push(await leases.lease("key", `new ${owner}`, 5, 1000));
  assert.deepEqual(held, [true, true, true, true, false]);
});

test("where none may be held nobody gets one", async () => {
  const { leases } = setUp();
  assert.equal(await leases.lease("key", "a", 0, 1000), false);
});

test("it needs no timers", async () => {
  const { leases, clock } = setUp();
  await leases.lease("key", "a", 1, 1000);
  assert.equal(clock.waiting, 0);
  await leases.release("key", "a");
  assert.equal(clock.waiting, 0);
});

function setUp() {
  const clock = fakeClock();
  return { clock, leases: memoryLeases(clock) };
}
