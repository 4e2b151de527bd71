import assert from "node:assert/strict";
import { test } from "node:test";
import { errorIn, waitOf } from "./upstream-error.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const DAY_MS = 24 * 60 * 60 * 1000;

/** `Retry-After`, and the wait it means in milliseconds. */
const RETRY_AFTER: Readonly<Record<string, number | undefined>> = {
  "0": 0,
  "1": 1000,
  "120": 120_000,
  " 2 ": 2000,
  "0.5": 500,
  "34.4": 34_400,
  "86400": DAY_MS,
  "86401": DAY_MS,
  "1000000000": DAY_MS,
  "999999999999999": DAY_MS,
  "Thu, 01 Jan 2026 00:00:30 GMT": 30_000,
  "Fri, 01 Jan 2027 00:00:00 GMT": DAY_MS,
  "Thu, 01 Jan 2026 00:00:00 GMT": undefined,
  "Wed, 31 Dec 2025 23:59:59 GMT": undefined,
  "Thu, 99 Foo 2026 00:00:00 GMT": undefined,
  GMT: undefined,
  "2026-01-01T01:00:00Z": undefined,
  "2027": 2_027_000,
  "": undefined,
  " ": undefined,
  "-1": undefined,
  "-0": undefined,
  "+5": undefined,
  soon: undefined,
  "2 seconds": undefined,
  "2s": undefined,
  "1,5": undefined,
  "1e9": undefined,
  "0x10": undefined,
  NaN: undefined,
  Infinity: undefined,
  "1000000000000000000000": undefined,
  "٣": undefined,
};

for (const [retryAfter, wait] of Object.entries(RETRY_AFTER)) {
  test(`Retry-After: ${JSON.stringify(retryAfter)} is a wait of ${wait}`, () => {
    const got = waitOf({ retryAfter, retryAfterMs: undefined, shouldRetry: undefined }, NOW);
    assert.equal(got === undefined ? got : Math.round(got), wait);
  });
}

const RETRY_AFTER_MS: Readonly<Record<string, number | undefined>> = {
  "0": 0,
  "1500": 1500,
  "0.25": 0.25,
  "99999999999": DAY_MS,
  "-5": undefined,
  soon: undefined,
  "": undefined,
  "Thu, 01 Jan 2026 00:00:30 GMT": undefined,
};

for (const [retryAfterMs, wait] of Object.entries(RETRY_AFTER_MS)) {
  test(`retry-after-ms: ${JSON.stringify(retryAfterMs)} is a wait of ${wait}`, () => {
    assert.equal(waitOf({ retryAfter: undefined, retryAfterMs, shouldRetry: undefined }, NOW), wait);
  });
}

test("retry-after-ms is more exact than Retry-After, and counts where it can be read", () => {
  assert.equal(waitOf({ retryAfter: "2", retryAfterMs: "1500", shouldRetry: undefined }, NOW), 1500);
  assert.equal(waitOf({ retryAfter: "2", retryAfterMs: "soon", shouldRetry: undefined }, NOW), 2000);
  assert.equal(waitOf({ retryAfter: undefined, retryAfterMs: undefined, shouldRetry: undefined }, NOW), undefined);
});

test("a wait is a number that every timer holds, whatever the headers say", () => {
  const texts = [...Object.keys(RETRY_AFTER), ...Object.keys(RETRY_AFTER_MS), "9".repeat(400), "9".repeat(15), "0.0"];
  for (const retryAfter of texts) {
    for (const retryAfterMs of texts) {
      const wait = waitOf({ retryAfter, retryAfterMs, shouldRetry: undefined }, NOW) ?? 0;
      assert.ok(wait >= 0 && wait < 2 ** 31, `${retryAfter}, ${retryAfterMs}: ${wait}`);
    }
  }
});

test("without a time given, a date is counted from now", () => {
  const wait = waitOf({
    retryAfter: new Date(Date.now() + 3_600_000).toUTCString(),
    retryAfterMs: undefined,
    shouldRetry: undefined,
  });
  assert.ok(wait !== undefined && wait > 3_590_000 && wait <= 3_600_000);
});

test("an error is read in each of the usual shapes", () => {
  const none = { message: undefined, kind: "", status: undefined, param: undefined };
  assert.deepEqual(errorIn({ error: "why not" }), { ...none, message: "why not" });
  assert.deepEqual(errorIn({ error: {} }), none);
  assert.deepEqual(errorIn({ error: { message: "why not", type: "t", code: "c", param: "p" } }), {
    message: "why not",
    kind: "c t",
    status: undefined,
    param: "p",
  });
  assert.deepEqual(errorIn([{ error: { message: "why not" } }]), { ...none, message: "why not" });
  assert.deepEqual(errorIn({ error: { message: 5, type: null, code: [], param: {} } }), none);
});

test("a body without an error has none", () => {
  for (const body of [
    undefined,
    null,
    7,
    "error",
    [],
    [7],
    {},
    { error: null },
    { error: 7 },
    { error: [] },
    { message: "x" },
  ]) {
    assert.equal(errorIn(body), undefined, JSON.stringify(body));
  }
});

test("a status that an error names itself is read, wherever it names one", () => {
  const statusOf = (error: object): number | undefined => errorIn({ error })?.status;
  assert.equal(statusOf({ status: 429 }), 429);
  assert.equal(statusOf({ status: "429" }), 429);
  assert.equal(statusOf({ code: 503 }), 503);
  assert.equal(statusOf({ code: "503" }), 503);
  assert.equal(statusOf({ code: 429, status: "RESOURCE_EXHAUSTED" }), 429);
  for (const error of [{ code: 200 }, { code: 600 }, { code: 399 }, { code: "x" }, { code: null }]) {
    assert.equal(statusOf(error), undefined, JSON.stringify(error));
  }
});
