import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Rate } from "../limits/rate.ts";
import { fakeClock } from "../testing.ts";
import { memoryLimits } from "./memory-limits.ts";
import type { Draw, LimitStore } from "./store.ts";

// What every store does with counts is in `testStore`, and long sequences of steps are in `test/limits-property.test.ts`.

const ONCE: Rate = { kind: "window", capacity: 1, periodMs: 60_000 };
const MIB = 2 ** 20;

test("times are exact: all is there at its moment, and not before", async () => {
  const { limits, clock } = setUp();
  for (const kind of ["window", "bucket"] as const) {
    const draw: Draw = { key: kind, rate: { kind, capacity: 4, periodMs: 1000 }, cost: 4 };
    await limits.draw("group", [draw], false);
    await clock.advance(600);
    const { states } = await limits.draw("group", [draw], false);
    assert.deepEqual([states[0]?.resetMs, states[0]?.waitMs], [400, 400]);
    await clock.advance(399);
    assert.equal((await limits.draw("group", [draw], false)).taken, false);
    await clock.advance(1);
    assert.equal((await limits.draw("group", [draw], false)).taken, true);
  }
});

test("a time that ends within a millisecond is said rounded up", async () => {
  const { limits } = setUp();
  const draw: Draw = { key: "a", rate: { kind: "bucket", capacity: 3, periodMs: 100 }, cost: 1 };
  const all = { ...draw, cost: 3 };
  await limits.draw("group", [all], false);
  const { states } = await limits.draw("group", [draw], false);
  assert.deepEqual([states[0]?.waitMs, states[0]?.resetMs], [34, 100]);
});

test("what costs nothing waits until a debt is paid", async () => {
  const { limits, clock } = setUp();
  for (const kind of ["window", "bucket"] as const) {
    const draw: Draw = { key: kind, rate: { kind, capacity: 10, periodMs: 1000 }, cost: 20 };
    await limits.draw("group", [draw], true);
    const free = { ...draw, cost: 0 };
    assert.equal((await limits.draw("group", [free], false)).states[0]?.waitMs, 1000);
    await clock.advance(1000);
    assert.equal((await limits.draw("group", [free], false)).taken, true);
  }
});

test("a step of no counts is taken", async () => {
  assert.deepEqual(await setUp().limits.draw("group", [], false), { taken: true, states: [] });
});

test("a clock that was set back makes nobody wait for longer", async () => {
  let now = 1_000_000;
  const limits = memoryLimits(100, { now: () => now, after: () => () => {} });
  await take(limits, "a");
  now = 1000;
  assert.deepEqual((await take(limits, "a")).states[0]?.waitMs, 60_000);
  now = 61_000;
  assert.equal((await take(limits, "a")).taken, true);
});

test("keys that are used stay, however many others come, and the ones that are not go", async () => {
  const { limits } = setUp(100);
  await take(limits, "used");
  await take(limits, "unused");
  for (let other = 0; other < 1000; other++) {
    await take(limits, `other ${other}`);
    // A settlement is a use.
    if (other % 20 === 0) await limits.draw("group", [{ key: "used", rate: ONCE, cost: 0 }], true);
  }
  assert.equal((await take(limits, "used")).taken, false);
  assert.equal((await take(limits, "unused")).taken, true);
});

test("who is refused again and again stays refused, however many others come", async () => {
  const { limits } = setUp(100);
  await take(limits, "refused");
  for (let other = 0; other < 1000; other++) {
    await take(limits, `other ${other}`);
    if (other % 20 === 0) assert.equal((await take(limits, "refused")).taken, false, `after ${other} others`);
  }
});

test("the last keys are kept, at least half as many as may be and no more than that", async () => {
  const { limits } = setUp(100);
  for (let key = 0; key < 1000; key++) await take(limits, String(key));
  assert.equal(await countKept(limits, 0, 900), 0);
  assert.equal(await countKept(limits, 950, 1000), 50);
});

test("with one key there is room for one", async () => {
  const { limits } = setUp(1);
  await take(limits, "a");
  assert.equal((await take(limits, "a")).taken, false);
  await take(limits, "b");
  await take(limits, "c");
  assert.equal((await take(limits, "a")).taken, true);
});

test("looking at counts that are whole keeps nothing", async () => {
  const { limits } = setUp(10);
  await take(limits, "a");
  assert.equal(await countKept(limits, 0, 1000), 0);
  assert.equal((await take(limits, "a")).taken, false);
});

test("a million keys take the room of those that may be kept", async (t) => {
  const { limits } = setUp(200_000);
  const name = "rateLimit|requests per caller window 60000|";
  const before = heap();
  for (let key = 0; key < 1_000_000; ) {
    const draws: Draw[] = [];
    while (draws.length < 1000) draws.push({ key: name + key++, rate: ONCE, cost: 1 });
    await limits.draw("group", draws, false);
  }
  const grown = (heap() - before) / MIB;
  t.diagnostic(`${grown.toFixed(1)} MiB`);
  assert.ok(grown < 64, `${grown} MiB`);
  assert.equal(await countKept(limits, 900_000, 1_000_000, name), 100_000);
  assert.equal(await countKept(limits, 0, 100_000, name), 0);
});

test("long keys take no more room than short ones, and are told from each other", async (t) => {
  const { limits } = setUp(20_000);
  const long = "x".repeat(50_000);
  const before = heap();
  // 500 MB of them.
  for (let key = 0; key < 10_000; key++) assert.equal((await take(limits, `${long}${key}`)).taken, true);
  const grown = (heap() - before) / MIB;
  t.diagnostic(`${grown.toFixed(1)} MiB`);
  assert.ok(grown < 8, `${grown} MiB`);
  for (let key = 0; key < 10_000; key += 100) assert.equal((await take(limits, `${long}${key}`)).taken, false);
});

function setUp(maxCounts = 1000) {
  const clock = fakeClock();
  return { clock, limits: memoryLimits(maxCounts, clock) };
}

function take(limits: LimitStore, key: string) {
  return limits.draw("group", [{ key, rate: ONCE, cost: 1 }], false);
}

/** How many of the numbered keys are known to have been used. Asks for more than there is: that keeps nothing. */
async function countKept(limits: LimitStore, from: number, to: number, prefix = ""): Promise<number> {
  const draws: Draw[] = [];
  for (let key = from; key < to; key++) draws.push({ key: prefix + key, rate: ONCE, cost: 2 });
  const { states } = await limits.draw("group", draws, false);
  return states.filter(({ remaining }) => remaining === 0).length;
}

/** What is in use once all else was let go. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  // With the flag every new context has this function.
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
