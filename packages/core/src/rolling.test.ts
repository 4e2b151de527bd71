import assert from "node:assert/strict";
import { test } from "node:test";
import { Rolling } from "./rolling.ts";
import { fakeClock } from "./testing.ts";

test("two kinds of events are counted apart, and nothing is nothing", () => {
  const counts = new Rolling(fakeClock(), 1000);
  assert.deepEqual(counts.sums, { first: 0, second: 0 });
  counts.add(1, 0);
  counts.add(2, 5);
  assert.deepEqual(counts.sums, { first: 3, second: 5 });
});

test("an event is counted for the window, give or take a tenth of it, and then no more", async () => {
  for (const startAt of [0, 50, 99, 12_345]) {
    const clock = fakeClock();
    const counts = new Rolling(clock, 1000);
    await clock.advance(startAt);
    counts.add(1, 1);
    await clock.advance(900);
    assert.deepEqual(counts.sums, { first: 1, second: 1 }, String(startAt));
    await clock.advance(100);
    assert.deepEqual(counts.sums, { first: 0, second: 0 }, String(startAt));
  }
});

test("what is old leaves step by step, also where a step had no events", async () => {
  const clock = fakeClock();
  const counts = new Rolling(clock, 1000);
  const seen: number[] = [];
  for (const [waitMs, events] of [
    [0, 1],
    [500, 10],
    [450, 100],
    [50, 0],
    [500, 0],
    [5000, 1000],
  ] as const) {
    await clock.advance(waitMs);
    counts.add(events, 0);
    seen.push(counts.sums.first);
  }
  assert.deepEqual(seen, [1, 11, 111, 110, 100, 1000]);
});

test("what is cleared is forgotten, and counting goes on", () => {
  const counts = new Rolling(fakeClock(), 1000);
  counts.add(7, 7);
  counts.clear();
  assert.deepEqual(counts.sums, { first: 0, second: 0 });
  counts.add(1, 2);
  assert.deepEqual(counts.sums, { first: 1, second: 2 });
});
