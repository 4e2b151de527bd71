import assert from "node:assert/strict";
import { test } from "node:test";
import { Rolling } from "./rolling.ts";
import { fakeClock } from "./testing.ts";

type Kind = "good" | "bad";

test("kinds of events are counted apart, and nothing is nothing", () => {
  const counts = new Rolling<Kind>(fakeClock(), 1000);
  assert.deepEqual(sums(counts), [0, 0]);
  for (const kind of ["good", "bad", "good"] as const) counts.add(kind);
  assert.deepEqual(sums(counts), [2, 1]);
});

test("an event is counted for the window, give or take a tenth of it, and then no more", async () => {
  for (const startAt of [0, 50, 99, 12_345]) {
    const clock = fakeClock();
    const counts = new Rolling<Kind>(clock, 1000);
    await clock.advance(startAt);
    counts.add("bad");
    await clock.advance(900);
    assert.deepEqual(sums(counts), [0, 1], String(startAt));
    await clock.advance(100);
    assert.deepEqual(sums(counts), [0, 0], String(startAt));
  }
});

test("what is old leaves step by step, also where a step had no events", async () => {
  const clock = fakeClock();
  const counts = new Rolling<Kind>(clock, 1000);
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
    for (let event = 0; event < events; event++) counts.add("good");
    seen.push(counts.count("good"));
  }
  assert.deepEqual(seen, [1, 11, 111, 110, 100, 1000]);
});

test("what is cleared is forgotten, and counting goes on", () => {
  const counts = new Rolling<Kind>(fakeClock(), 1000);
  counts.add("good");
  counts.clear();
  assert.deepEqual(sums(counts), [0, 0]);
  counts.add("bad");
  assert.deepEqual(sums(counts), [0, 1]);
});

function sums(counts: Rolling<Kind>): number[] {
  return [counts.count("good"), counts.count("bad")];
}
