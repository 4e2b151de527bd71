import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayError } from "@gatewright/core";
import type { RetryHeaders, Target, UpstreamAnswer } from "./upstream.ts";
import { errorIn, upstreamError, waitOf } from "./upstream-error.ts";

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
  "1000000000000000000000": 86_400_000,
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
  const none = { message: undefined, kind: "", status: undefined, param: undefined, retryAfterMs: undefined };
  assert.deepEqual(errorIn({ error: "why not" }), { ...none, message: "why not" });
  assert.deepEqual(errorIn({ error: {} }), none);
  assert.deepEqual(errorIn({ error: { message: "why not", type: "t", code: "c", param: "p" } }), {
    message: "why not",
    kind: "c t",
    status: undefined,
    param: "p",
    retryAfterMs: undefined,
  });
  assert.deepEqual(errorIn({ object: "error", message: "why not", type: "t", code: 400 }), {
    ...none,
    message: "why not",
    kind: "t",
    status: 400,
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

/** What Gemini answers to too many calls, with the delay that it asks for. */
const gemini = (...details: unknown[]): object => ({
  error: { code: 429, message: "Quota exceeded.", status: "RESOURCE_EXHAUSTED", details },
});
const retryInfo = (retryDelay: unknown): object => ({
  "@type": "type.googleapis.com/google.rpc.RetryInfo",
  retryDelay,
});

/** The delay that an error's details may name, and the wait it means in milliseconds. */
const DELAYS: readonly (readonly [delay: unknown, wait: number | undefined])[] = [
  ["34.4s", 34_400],
  ["34.074824224s", 34_075],
  ["0s", 0],
  ["999999999s", DAY_MS],
  ["34", undefined],
  ["s", undefined],
  ["-3s", undefined],
  ["1m30s", undefined],
  ["NaNs", undefined],
  [34, undefined],
  [{ seconds: 34 }, undefined],
  [null, undefined],
];

for (const [delay, wait] of DELAYS) {
  test(`a delay of ${JSON.stringify(delay)} among an error's details is a wait of ${wait}`, () => {
    const help = { "@type": "type.googleapis.com/google.rpc.Help", links: [] };
    for (const body of [gemini(help, retryInfo(delay)), [gemini(retryInfo(delay))]]) {
      const { code, retryAfterMs } = failed(429, body);
      assert.equal(code, "llm.provider.rate_limited");
      assert.equal(retryAfterMs === undefined ? retryAfterMs : Math.round(retryAfterMs), wait);
    }
  });
}

test("details of any other shape name no wait", () => {
  for (const details of [undefined, null, {}, "34s", [null, 7, "34s", []], { retryDelay: "34s" }]) {
    assert.equal(errorIn({ error: { details } })?.retryAfterMs, undefined, JSON.stringify(details));
  }
});

test("a wait in the headers counts before one in the body", () => {
  const body = gemini(retryInfo("34s"));
  assert.equal(failed(429, body, { retryAfter: "2" }).retryAfterMs, 2000);
  assert.equal(failed(429, body, { retryAfter: "soon" }).retryAfterMs, 34_000);
});

const SPENT = [
  "You have reached your specified API usage spend limit.",
  "Monthly spending limit reached",
  "Your credit balance is too low to access the API.",
];

for (const message of SPENT) {
  test(`too many calls that mean "${message}" are a spent quota, which no wait heals`, () => {
    const { code, retryable, remedy, status } = failed(429, { error: { message, type: "rate_limit_error" } });
    assert.deepEqual([code, status, retryable, remedy], ["llm.provider.quota_exhausted", 429, false, "fallback"]);
  });
}

test("words of spending in another failure or of something else are no spent quota", () => {
  assert.equal(failed(500, { error: { message: "spend limit" } }).code, "llm.provider.server_error");
  assert.equal(failed(429, { error: { message: "Too many suspend limits" } }).code, "llm.provider.rate_limited");
});

/** A provider's status and its word on another try, and what then may be done. */
const WORDS: Readonly<
  Record<string, readonly [status: number, word: string | undefined, retryable: boolean, remedy: string]>
> = {
  "a failure": [500, undefined, true, "retry"],
  "a failure that is not to be tried again": [500, "false", false, "fallback"],
  "a limit that is not to be tried again": [429, "false", false, "fallback"],
  "a refusal": [400, undefined, false, "none"],
  "a refusal that may be tried again": [400, "true", true, "retry"],
  "a refusal that is not to be tried again": [400, "false", false, "none"],
  "a conflict": [409, undefined, true, "retry"],
  "a conflict that is not to be tried again": [409, "false", false, "fallback"],
  "an unknown model": [404, undefined, false, "fallback"],
  "a key that is not accepted": [401, undefined, false, "fallback"],
  "a key that is not accepted, to be tried again": [401, "true", false, "fallback"],
  "a failure with another word": [500, "yes", true, "retry"],
};

for (const [what, [status, shouldRetry, again, cure]] of Object.entries(WORDS)) {
  test(`the cure of ${what} is ${cure}`, () => {
    const { retryable, remedy } = failed(status, { error: { message: "why not" } }, { shouldRetry });
    assert.deepEqual([retryable, remedy], [again, cure]);
  });
}

test("a conflict is worth one more try, and other failures as many as there are", () => {
  const error = { message: "why not" };
  assert.equal(failed(409, { error }).maxRetries, 1);
  assert.equal(failed(500, { error }).maxRetries, undefined);
});

test("a context that is too long may fit elsewhere, and content that is refused may not", () => {
  const remedyOf = (code: string): string => failed(400, { error: { message: "why not", code } }).remedy;
  assert.equal(remedyOf("context_length_exceeded"), "fallback");
  assert.equal(remedyOf("content_policy_violation"), "none");
});

test("an error that is not the provider's own is the same the next time, and not elsewhere", () => {
  for (const status of [400, 404, 405]) {
    const { code, retryable, remedy } = failed(status, "<html>");
    assert.deepEqual([code, retryable, remedy], ["llm.provider.bad_response", false, "fallback"]);
  }
});

test("a key that may not use one model may use others, and is none that is wrong", () => {
  for (const error of [{ code: "model_not_found" }, { type: "model_access_denied" }, { status: "MODEL_NOT_ALLOWED" }]) {
    const { code, origin, retryable, remedy } = failed(403, { error: { message: "why not", ...error } });
    assert.deepEqual([code, origin, retryable, remedy], ["llm.model.not_found", "upstream", false, "fallback"]);
  }
  const said = { error: { message: "this key may not use the model", code: "forbidden" } };
  assert.equal(failed(403, said).code, "llm.provider.auth", "only a code says so");
});

test("a refusal of 403 in nobody's words is of something in front of the provider, and says nothing of the key", () => {
  for (const body of ["<html>", { message: "blocked" }, undefined]) {
    const { code, retryable, remedy } = failed(403, body);
    assert.deepEqual([code, retryable, remedy], ["llm.provider.bad_response", false, "fallback"]);
  }
});

test("another try is only believed in where there may be one", () => {
  for (const status of [408, 409, 429, 500, 502, 503, 529]) {
    const { retryable, remedy } = failed(status, { error: { message: "why not" } }, { shouldRetry: "true" });
    assert.deepEqual([retryable, remedy], [true, "retry"], String(status));
  }
});

/** The error for an answer of this status and body, and these headers. */
function failed(status: number, body: unknown, retry: Partial<RetryHeaders> = {}): GatewayError {
  const answer: Pick<UpstreamAnswer, "status" | "requestId" | "retry"> = {
    status,
    requestId: undefined,
    retry: { retryAfter: undefined, retryAfterMs: undefined, shouldRetry: undefined, ...retry },
  };
  const target: Pick<Target, "name" | "secrets"> = { name: "test", secrets: [] };
  // Nothing else of the target and of the answer is looked at.
  return upstreamError(target as Target, answer as UpstreamAnswer, errorIn(body));
}
