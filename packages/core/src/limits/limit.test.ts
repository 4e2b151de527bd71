import assert from "node:assert/strict";
import { test } from "node:test";
import { type Limit, rateOf } from "./limit.ts";

const DAY_MS = 86_400_000;

test("a window holds as much as the limit says, for as long", () => {
  assert.deepEqual(rateOf({ requests: 5, windowMs: 60_000 }, "p", "x"), {
    kind: "window",
    capacity: 5,
    periodMs: 60_000,
  });
  assert.deepEqual(rateOf({ tokens: 1.5, windowMs: 1 }, "p", "x"), { kind: "window", capacity: 1.5, periodMs: 1 });
});

test("a bucket holds as much as the limit says, and is full again when that has come back", () => {
  assert.deepEqual(rateOf({ tokens: 1000, refillPerSecond: 50 }, "p", "x"), {
    kind: "bucket",
    capacity: 1000,
    periodMs: 20_000,
  });
  assert.deepEqual(rateOf({ requests: 1, refillPerSecond: 0.5 }, "p", "x"), {
    kind: "bucket",
    capacity: 1,
    periodMs: 2000,
  });
});

test("the least and the most that may be are accepted", () => {
  for (const limit of [
    { requests: 1, windowMs: 1 },
    { tokens: 1e12, windowMs: 366 * DAY_MS },
    { requests: 1, refillPerSecond: 1e6 },
    { tokens: 1e12, refillPerSecond: 1e12 },
    { requests: 31, refillPerSecond: 1e-6 },
  ]) {
    // Each has one of both.
    rateOf(limit as Limit, "p", "x");
  }
});

const NO_NUMBERS = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "10", "", null, true, [], {}, 10n];

const BAD: Readonly<Record<string, readonly object[]>> = {
  "must have either requests or tokens.": [{ windowMs: 1000 }, { requests: 1, tokens: 1, windowMs: 1000 }, {}],
  ' has the unknown field "request"': [{ request: 1, windowMs: 1000 }],
  ' has the unknown field "window"': [{ requests: 1, window: 1000 }],
  "must have either windowMs or refillPerSecond.": [{ requests: 1 }, { tokens: 1, windowMs: 1000, refillPerSecond: 1 }],
  ".requests must be a number": [...NO_NUMBERS, 0.5, 1e13].map((requests) => ({ requests, windowMs: 1000 })),
  ".tokens must be a number": [...NO_NUMBERS, 0.5, 1e13].map((tokens) => ({ tokens, refillPerSecond: 1 })),
  ".windowMs must be a number": [...NO_NUMBERS, 0.5, 367 * DAY_MS].map((windowMs) => ({ requests: 1, windowMs })),
  ".refillPerSecond must be a number": [...NO_NUMBERS, 1e-7, 1e13].map((refillPerSecond) => ({
    requests: 1,
    refillPerSecond,
  })),
  ": the time to refill must be a number": [
    { requests: 1e12, refillPerSecond: 1 },
    { requests: 1, refillPerSecond: 1e7 },
  ],
};

for (const [problem, limits] of Object.entries(BAD)) {
  test(`a limit that "${problem}" is refused by name`, () => {
    for (const limit of limits) {
      // What a configuration may hold, whatever the types say.
      const read = (): unknown => rateOf(limit as Limit, "part", "limits[3]");
      const message = `part: limits[3]${problem.startsWith("must") ? " " : ""}${problem}`;
      assert.throws(read, (thrown) => thrown instanceof TypeError && thrown.message.startsWith(message));
    }
  });
}
