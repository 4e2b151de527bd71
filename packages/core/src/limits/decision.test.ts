import assert from "node:assert/strict";
import { test } from "node:test";
import { errorHeaders } from "../envelope.ts";
import { type LimitState, limitHeaders, refusal } from "./decision.ts";

const MINUTE: LimitState = {
  name: "requests per caller",
  counts: "requests",
  capacity: 60,
  periodMs: 60_000,
  cost: 1,
  remaining: 10,
  resetMs: 30_000,
  waitMs: 0,
};
const TOKENS: LimitState = { ...MINUTE, name: "tokens per caller", counts: "tokens", capacity: 1000, remaining: 400 };

test("the headers tell of the limit, of what is left and of when all is there again", () => {
  assert.deepEqual(limitHeaders([MINUTE], "gpt-4o"), {
    "x-ratelimit-limit": "60",
    "x-ratelimit-remaining": "10",
    "x-ratelimit-reset": "30",
    "x-ratelimit-model": "gpt-4o",
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "10",
    "x-ratelimit-reset-requests": "30s",
  });
});

test("where tokens alone are limited the first headers speak of them", () => {
  assert.deepEqual(limitHeaders([TOKENS], "m"), {
    "x-ratelimit-limit": "1000",
    "x-ratelimit-remaining": "400",
    "x-ratelimit-reset": "30",
    "x-ratelimit-model": "m",
    "x-ratelimit-limit-tokens": "1000",
    "x-ratelimit-remaining-tokens": "400",
    "x-ratelimit-reset-tokens": "30s",
  });
});

test("where both are limited the first headers speak of requests, in whichever order they stand", () => {
  for (const limits of [
    [MINUTE, TOKENS],
    [TOKENS, MINUTE],
  ]) {
    const headers = limitHeaders(limits, "m");
    assert.equal(Object.keys(headers).length, 10);
    assert.equal(headers["x-ratelimit-limit"], "60");
    assert.equal(headers["x-ratelimit-remaining"], "10");
    assert.equal(headers["x-ratelimit-limit-requests"], "60");
    assert.equal(headers["x-ratelimit-limit-tokens"], "1000");
    assert.equal(headers["x-ratelimit-remaining-tokens"], "400");
  }
});

test("of each kind the limit is shown of which the least is left", () => {
  const day = { ...MINUTE, name: "day", capacity: 1000, remaining: 3, resetMs: 86_400_000 };
  for (const limits of [
    [MINUTE, day, TOKENS, { ...TOKENS, capacity: 5000, remaining: 399 }],
    [{ ...TOKENS, capacity: 5000, remaining: 399 }, day, MINUTE, TOKENS],
  ]) {
    const headers = limitHeaders(limits, "m");
    assert.equal(headers["x-ratelimit-limit"], "1000");
    assert.equal(headers["x-ratelimit-remaining-requests"], "3");
    assert.equal(headers["x-ratelimit-reset-requests"], "24h0m0s");
    assert.equal(headers["x-ratelimit-limit-tokens"], "5000");
  }
});

test("a debt is shown as nothing left", () => {
  const headers = limitHeaders([{ ...TOKENS, remaining: -250 }], "m");
  assert.equal(headers["x-ratelimit-remaining"], "0");
  assert.equal(headers["x-ratelimit-remaining-tokens"], "0");
});

test("a debt is less than nothing left, where the tightest is looked for", () => {
  const headers = limitHeaders(
    [
      { ...TOKENS, remaining: 0 },
      { ...TOKENS, capacity: 7, remaining: -1 },
    ],
    "m",
  );
  assert.equal(headers["x-ratelimit-limit"], "7");
});

test("a limit that is no whole number is shown as one that is no more", () => {
  assert.equal(limitHeaders([{ ...MINUTE, capacity: 2.9 }], "m")["x-ratelimit-limit"], "2");
});

const TIMES: readonly (readonly [ms: number, seconds: string, duration: string])[] = [
  [0, "0", "0s"],
  [1, "1", "1s"],
  [999, "1", "1s"],
  [1000, "1", "1s"],
  [1001, "2", "2s"],
  [59_000, "59", "59s"],
  [59_001, "60", "1m0s"],
  [61_000, "61", "1m1s"],
  [360_000, "360", "6m0s"],
  [3_599_000, "3599", "59m59s"],
  [3_600_000, "3600", "1h0m0s"],
  [86_400_000, "86400", "24h0m0s"],
  [90_061_000, "90061", "25h1m1s"],
];

test("the time until the reset is whole seconds, and beside it in OpenAI's form", () => {
  for (const [resetMs, seconds, duration] of TIMES) {
    const headers = limitHeaders([{ ...MINUTE, resetMs }], "m");
    assert.equal(headers["x-ratelimit-reset"], seconds);
    assert.equal(headers["x-ratelimit-reset-requests"], duration);
  }
});

test("without limits there are no headers", () => {
  assert.deepEqual(limitHeaders([], "m"), {});
});

test("who is refused is told which limit it was, and when to come back", () => {
  const refused = { ...MINUTE, capacity: 1234, remaining: 0, waitMs: 61_200, resetMs: 61_200 };
  const error = refusal([refused], "gpt-4o");
  assert.deepEqual([error.code, error.status, error.origin], ["llm.rate_limit.requests", 429, "gateway"]);
  assert.equal(
    error.message,
    "The limit of 1,234 requests in 1m0s (requests per caller) is reached: try again in 1m2s.",
  );
  assert.deepEqual([error.retryable, error.retryAfterMs, error.remedy], [true, 61_200, "fallback"]);
  assert.deepEqual(error.headers, limitHeaders([refused], "gpt-4o"));
});

test("tokens are refused with a code of their own", () => {
  const error = refusal([{ ...TOKENS, cost: 500, waitMs: 5000 }], "m");
  assert.deepEqual([error.code, error.status], ["llm.rate_limit.tokens", 429]);
  assert.equal(error.message, "The limit of 1,000 tokens in 1m0s (tokens per caller) is reached: try again in 5s.");
});

test("of several limits the error tells the one that holds the call back for longest", () => {
  const limits = [
    { ...MINUTE, waitMs: 1000, resetMs: 1000 },
    { ...TOKENS, waitMs: 2000, remaining: 4 },
    { ...TOKENS, name: "day", periodMs: 86_400_000, waitMs: 9000, remaining: 6, resetMs: 8000 },
    { ...MINUTE, name: "free", waitMs: 0, remaining: 0 },
  ];
  for (const order of [limits, limits.toReversed()]) {
    const error = refusal(order, "m");
    assert.deepEqual([error.code, error.retryAfterMs], ["llm.rate_limit.tokens", 9000]);
    assert.match(error.message, /24h0m0s \(day\)/);
    // Its own numbers are shown, though another limit of its kind has less left.
    assert.equal(error.headers["x-ratelimit-remaining-tokens"], "6");
    assert.equal(error.headers["x-ratelimit-remaining-requests"], "0");
  }
});

test("the client is told to wait whole seconds, at least one, and the milliseconds beside it", () => {
  for (const [waitMs, seconds, ms] of [
    [0.2, "1", "1"],
    [1, "1", "1"],
    [1001, "2", "1001"],
    [60_000, "60", "60000"],
  ] as const) {
    const headers = errorHeaders(refusal([{ ...MINUTE, waitMs }], "m"));
    assert.deepEqual([headers["retry-after"], headers["retry-after-ms"]], [seconds, ms]);
    assert.equal(headers["x-should-retry"], undefined);
  }
});

test("a client that would have to wait for more than a minute is told not to try by itself", () => {
  const headers = errorHeaders(refusal([{ ...MINUTE, waitMs: 3_600_000 }], "m"));
  assert.deepEqual([headers["retry-after"], headers["x-should-retry"]], ["3600", "false"]);
});

test("a call that can never pass is told so, and what to change, and clients do not try it again", () => {
  const never = { ...TOKENS, cost: 2500.5, waitMs: Number.POSITIVE_INFINITY, resetMs: 5000 };
  const error = refusal([{ ...MINUTE, waitMs: 100_000 }, never], "m");
  assert.deepEqual([error.code, error.status, error.retryable], ["llm.rate_limit.tokens", 429, false]);
  assert.equal(
    error.message,
    "This call counts as 2,501 tokens, and the limit is 1,000 tokens in 1m0s (tokens per caller): " +
      "shorten the prompt, or ask for less with max_tokens.",
  );
  const headers = errorHeaders(error);
  assert.equal(headers["x-should-retry"], "false");
  assert.equal(headers["retry-after"], "60", "its own time, for who knows only that");
  assert.equal(headers["x-ratelimit-limit-tokens"], "1000");
});

test("a call that can never pass still has a Retry-After of at least a second", () => {
  const second = { ...MINUTE, periodMs: 10, cost: 100, waitMs: Number.POSITIVE_INFINITY, resetMs: 0 };
  const error = refusal([second], "m");
  assert.equal(error.code, "llm.rate_limit.requests");
  assert.match(error.message, /^This call counts as 100 requests, and the limit is 60 requests in 1s \(.*\)\.$/);
  assert.equal(errorHeaders(error)["retry-after"], "1");
  assert.equal(errorHeaders(error)["retry-after-ms"], "1000");
  assert.equal(errorHeaders(error)["x-should-retry"], "false");
});
