import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, change, type Rate, type RateState, untouched, view, waitFor } from "./rate.ts";

const WINDOW: Rate = { kind: "window", capacity: 10, periodMs: 1000 };
const BUCKET: Rate = { kind: "bucket", capacity: 10, periodMs: 1000 };

test("what was not taken from is whole, and gives all of it at once and no more", () => {
  for (const rate of [WINDOW, BUCKET]) {
    const state = untouched(rate, 5000);
    assert.deepEqual(view(rate, state, 5000), { remaining: 10, resetMs: 0 });
    assert.equal(waitFor(rate, state, 10, 5000), 0);
    assert.equal(waitFor(rate, state, 10.5, 5000), Number.POSITIVE_INFINITY);
  }
});

test("a window keeps what was taken until its end, and then nothing of it", () => {
  const state = used(WINDOW, 4, 5000);
  assert.deepEqual(at(WINDOW, state, 5000), { remaining: 6, resetMs: 1000, wait: 1000 });
  assert.deepEqual(at(WINDOW, state, 5999), { remaining: 6, resetMs: 1, wait: 1 });
  assert.deepEqual(at(WINDOW, state, 6000), { remaining: 10, resetMs: 0, wait: 0 });
});

test("a window that is over begins anew with the next taking, whenever that is", () => {
  const state = used(WINDOW, 10, 5000);
  advance(WINDOW, state, 7777);
  change(WINDOW, state, 3);
  assert.deepEqual(state, { at: 7777, amount: 3 });
  assert.deepEqual(at(WINDOW, state, 8776), { remaining: 7, resetMs: 1, wait: 1 });
  assert.deepEqual(at(WINDOW, state, 8777), { remaining: 10, resetMs: 0, wait: 0 });
});

test("a window that nobody takes from does not run", () => {
  const state = untouched(WINDOW, 0);
  advance(WINDOW, state, 999);
  change(WINDOW, state, 1);
  assert.deepEqual(at(WINDOW, state, 1998), { remaining: 9, resetMs: 1, wait: 1 });
});

test("a debt of a window is paid by those that follow, each with its capacity", () => {
  const state = used(WINDOW, 25, 5000);
  for (const [now, remaining, resetMs] of [
    [5000, -15, 3000],
    [5999, -15, 2001],
    [6000, -5, 2000],
    [6999, -5, 1001],
    [7000, 5, 1000],
    [7999, 5, 1],
    [8000, 10, 0],
  ] as const) {
    const { remaining: left, resetMs: reset } = at(WINDOW, { ...state }, now);
    assert.deepEqual([left, reset], [remaining, resetMs], String(now));
  }
  const waits = [0, 1, 5, 6, 10].map((cost) => waitFor(WINDOW, state, cost, 5000));
  assert.deepEqual(waits, [2000, 2000, 2000, 3000, 3000]);
});

test("a debt that is paid in whole windows leaves a new one", () => {
  const state = used(WINDOW, 30, 5000);
  assert.deepEqual(at(WINDOW, { ...state }, 7999), { remaining: 0, resetMs: 1, wait: 1 });
  assert.deepEqual(at(WINDOW, { ...state }, 8000), { remaining: 10, resetMs: 0, wait: 0 });
});

test("windows that a debt has joined count what is taken in them together", () => {
  const state = used(WINDOW, 15, 5000);
  advance(WINDOW, state, 6200);
  change(WINDOW, state, 5);
  assert.deepEqual(at(WINDOW, { ...state }, 6200), { remaining: 0, resetMs: 800, wait: 800 });
  advance(WINDOW, state, 6300);
  change(WINDOW, state, 3);
  assert.deepEqual(at(WINDOW, { ...state }, 6300), { remaining: -3, resetMs: 1700, wait: 1700 });
});

test("a bucket comes back steadily, and is never more than full", () => {
  const state = used(BUCKET, 10, 5000);
  assert.deepEqual(at(BUCKET, { ...state }, 5000), { remaining: 0, resetMs: 1000, wait: 1000 });
  assert.deepEqual(at(BUCKET, { ...state }, 5250), { remaining: 2, resetMs: 750, wait: 750 });
  assert.deepEqual(at(BUCKET, { ...state }, 6000), { remaining: 10, resetMs: 0, wait: 0 });
  assert.deepEqual(at(BUCKET, { ...state }, 60_000), { remaining: 10, resetMs: 0, wait: 0 });
});

test("a debt of a bucket is paid by what comes back", () => {
  const state = used(BUCKET, 25, 5000);
  assert.deepEqual(at(BUCKET, { ...state }, 5500), { remaining: -10, resetMs: 2000, wait: 2000 });
  const waits = [0, 1, 5, 10].map((cost) => waitFor(BUCKET, state, cost, 5000));
  assert.deepEqual(waits, [1500, 1600, 2000, 2500]);
});

test("what is given back never makes more than the capacity", () => {
  for (const rate of [WINDOW, BUCKET]) {
    const state = used(rate, 4, 0);
    change(rate, state, -3);
    assert.equal(view(rate, state, 0).remaining, 9);
    change(rate, state, -100);
    assert.deepEqual(view(rate, state, 0), { remaining: 10, resetMs: 0 });
  }
});

test("a clock that was set back makes nobody wait for longer, and gives nothing back", () => {
  const window = used(WINDOW, 10, 1_000_000);
  assert.deepEqual(at(WINDOW, window, 5000), { remaining: 0, resetMs: 1000, wait: 1000 });
  assert.deepEqual(at(WINDOW, window, 6000), { remaining: 10, resetMs: 0, wait: 0 });
  const bucket = used(BUCKET, 10, 1_000_000);
  assert.deepEqual(at(BUCKET, bucket, 5000), { remaining: 0, resetMs: 1000, wait: 1000 });
  assert.deepEqual(at(BUCKET, bucket, 5500), { remaining: 5, resetMs: 500, wait: 500 });
});

test("what was looked at often has not come back sooner or later", () => {
  for (const rate of [WINDOW, BUCKET]) {
    const often = used(rate, 17, 0);
    const once = { ...often };
    // Steps that are whole in binary: nothing is lost by rounding.
    for (let now = 0; now < 2500; now += 0.5) advance(rate, often, now);
    for (const state of [often, once]) advance(rate, state, 2500);
    assert.equal(view(rate, often, 2500).remaining.toFixed(6), view(rate, once, 2500).remaining.toFixed(6));
  }
});

/** A rate of which so much was taken at a moment. */
function used(rate: Rate, amount: number, now: number): RateState {
  const state = untouched(rate, now);
  change(rate, state, amount);
  return state;
}

/** What it looks like later, and how long one would wait for all of it. */
function at(rate: Rate, state: RateState, now: number) {
  advance(rate, state, now);
  return { ...view(rate, state, now), wait: waitFor(rate, state, rate.capacity, now) };
}

test("parts that do not add up exactly make nobody wait, and leave nothing behind", () => {
  const bucket = { kind: "bucket", capacity: 10, periodMs: 1000 } as const;
  const state: RateState = { at: 0, amount: 0 };
  // Ten times a hundredth of ten is less than one.
  for (let now = 10; now <= 100; now += 10) advance(bucket, state, now);
  assert.equal(waitFor(bucket, state, 1, 100), 0);

  const window = { kind: "window", capacity: 10, periodMs: 1000 } as const;
  const taken: RateState = { at: 0, amount: 0 };
  for (const cost of [0.1, 0.2, -0.2, -0.1]) change(window, taken, cost);
  assert.deepEqual(view(window, taken, 0), { remaining: 10, resetMs: 0 });
});
