import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptRecord, CallRecord } from "../records/record.ts";
import { entryOf } from "./entry.ts";
import { type Explanation, explain } from "./explanation.ts";
import { explanationPage } from "./explanation-page.ts";
import { errorOf, record } from "./sample.test.ts";
import { terminalText } from "./terminal.ts";

const tally = { bytes: 1, lines: 1, records: 1, outside: 0, other: 0, broken: 0, tooLong: 0 };
const gpt = { provider: "openai", model: "gpt-5" };
const claude = { provider: "anthropic", model: "claude" };

function explained(attempts: readonly AttemptRecord[], facts: Partial<CallRecord> = {}): Explanation {
  const entry = entryOf({ ...record({ attempts, ...facts }) });
  assert.ok(entry);
  return explain({ entry, namesakes: [], nearby: undefined, forgotten: false, tally });
}

function timeline(told: Explanation): (readonly [number | undefined, string])[] {
  return told.happened.slice(1, -1).map(({ afterMs, text }) => [afterMs, text]);
}

const interrupted = {
  outcome: "interrupted",
  partial: true,
  error: errorOf("llm.stream.interrupted"),
  first_token_ms: 5,
  total_ms: 9,
} as const;
const code = "llm.stream.interrupted";

test("a stream that broke: when it began, answered and broke off", () => {
  const attempt = { ...gpt, status: 200, code, started_ms: 2, first_token_ms: 3, duration_ms: 7 };
  assert.deepEqual(timeline(explained([attempt], interrupted)), [
    [2, "try 1: openai/gpt-5, 200, answered after 3 ms, broke off with llm.stream.interrupted after 7 ms"],
    [5, "first visible piece of an answer"],
  ]);
});

test("an old record does not tell when a stream broke off, nor is that claimed", () => {
  const told = explained([{ ...gpt, status: 200, code, duration_ms: 3 }], interrupted);
  assert.deepEqual(timeline(told)[0], [
    0,
    "try 1: openai/gpt-5, 200, answered after 3 ms, then broke off with llm.stream.interrupted",
  ]);
  assert.deepEqual(told.pace, ["1 try that failed took at least 3 ms."]);
});

test("a record that tells when tries began has no guess in it, and tries at once in their order", () => {
  const told = explained(
    [
      { ...claude, code: "llm.provider.overloaded", status: 529, started_ms: 0, duration_ms: 300 },
      { ...gpt, code: "llm.canceled", started_ms: 1300, duration_ms: 900 },
      { ...claude, status: 200, started_ms: 1000, first_token_ms: 1200, duration_ms: 3000 },
    ],
    { ...claude, retries: 1, first_token_ms: 2200, total_ms: 4000 },
  );
  assert.deepEqual(timeline(told), [
    [0, "try 1: anthropic/claude, 529 llm.provider.overloaded after 300 ms"],
    [1000, "try 3: anthropic/claude, 200, answered after 1.2 s, complete after 3.0 s"],
    [1300, "try 2: openai/gpt-5, ended by the gateway after 900 ms"],
    [2200, "first visible piece of an answer"],
  ]);
  assert.deepEqual(told.gatewayDid, [
    "Asked providers 3 times: 1 retry, 0 fallbacks.",
    "1 try was ended by the gateway, which is no failure of the provider.",
    "Spent 700 ms outside the tries: on waits, in queues, with its own work.",
  ]);
  assert.equal(told.pace[0], "1 try that failed took 300 ms.");
  assert.doesNotMatch(terminalText(explanationPage(told, tally), { columns: 90, unicode: true, color: false }), /≥/);
});

test("the first piece comes before a try that began later: one was thrown away and asked anew", () => {
  const told = explained(
    [
      { ...claude, code: "llm.timeout.idle", started_ms: 0, first_token_ms: 100, duration_ms: 900 },
      { ...gpt, started_ms: 1000, first_token_ms: 50, duration_ms: 400 },
    ],
    { first_token_ms: 100, total_ms: 1400 },
  );
  assert.deepEqual(
    timeline(told).map(([at]) => at),
    [0, 100, 1000],
  );
});

test("without when it began, a later try is shown to have begun then at the earliest", () => {
  const failed = { ...gpt, code: "llm.provider.overloaded", duration_ms: 5 };
  const told = explained([failed, { ...claude, status: 200, duration_ms: 9 }], { fallbacks: 1 });
  const page = (unicode: boolean): string =>
    terminalText(explanationPage(told, tally), { columns: 90, unicode, color: false });
  assert.match(page(true), /\n {2}\+0\.000 s +try 1: .*\n {2}≥ \+0\.005 s +try 2: anthropic\/claude, 200 after 9 ms\n/);
  assert.match(page(false), /\n {2}> \+0\.005 s +try 2/);
});

test("a try that the caller left is no failure of the provider", () => {
  const attempt = { ...gpt, status: 200, code: "llm.canceled", started_ms: 0, first_token_ms: 40, duration_ms: 900 };
  const told = explained([attempt], { outcome: "canceled", status: 499, total_ms: 900 });
  assert.match(timeline(told)[0]?.[1] ?? "", /200, answered after 40 ms, left by the caller after 900 ms$/);
  assert.deepEqual(told.gatewayDid, ["Asked a provider once.", "1 try was left by the caller."]);
  assert.doesNotMatch(told.pace.join(), /failed/);
});

test("an answer that was not accepted is no failed try, and asking again no retry", () => {
  const answer = { ...gpt, status: 200, started_ms: 0, duration_ms: 500 };
  const told = explained([answer, { ...answer, started_ms: 500 }], { retries: 1, total_ms: 1000 });
  assert.deepEqual(told.gatewayDid, [
    "Asked providers 2 times: 0 retries, 0 fallbacks, 1 asked again.",
    "openai/gpt-5 was asked again: its first answer was not accepted.",
  ]);
  assert.match(timeline(told)[1]?.[1] ?? "", /^try 2, asked again: openai/);
  const lost = explained([answer, { ...answer, code: "llm.canceled" }]);
  assert.doesNotMatch(lost.gatewayDid.join(), /asked again/);
});

test("retries and fallbacks are those of the record, which tells only the last tries of many", () => {
  const attempts = Array.from({ length: 3 }, () => ({ ...gpt, code: "llm.provider.overloaded", duration_ms: 1 }));
  const told = explained(attempts, { retries: 30, fallbacks: 9 });
  assert.deepEqual(told.gatewayDid.slice(0, 2), [
    "Asked providers 40 times: 30 retries, 9 fallbacks.",
    "The record tells the last 3 of them.",
  ]);
  assert.deepEqual(
    told.happened.slice(1, 4).map(({ text, atEarliest }) => [text.slice(0, 6), atEarliest]),
    [
      ["try 38", true],
      ["try 39", true],
      ["try 40", true],
    ],
  );
});

test("of what is not streamed no first token is told", () => {
  const told = explained([{ ...gpt, status: 200, duration_ms: 400 }], { stream: false, first_token_ms: 400 });
  assert.doesNotMatch([...told.pace, ...told.happened.map(({ text }) => text)].join(), /first token|first visible/);
});
