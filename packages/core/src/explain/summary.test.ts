import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../records/record.ts";
import { entryOf } from "./entry.ts";
import type { Grouping } from "./failures.ts";
import { BEGAN, errorOf, record } from "./sample.test.ts";
import { Summary, type SummaryReport } from "./summary.ts";

const at = (second: number): string => new Date(BEGAN + second * 1000).toISOString();
const tried = { provider: "openai", model: "gpt-5-mini", duration_ms: 10 };

const RECORDS: readonly Partial<CallRecord>[] = [
  {
    ...{ total_ms: 1000, first_token_ms: 200, cost: 0.5, attempts: [{ ...tried, status: 200 }] },
    tokens: { input: 10, output: 20, cached: 5, reasoning: 7 },
  },
  {
    time: at(1),
    caller: "key bob",
    total_ms: 3000,
    tokens: { input: 1, output: 2 },
    attempts: [{ ...tried, status: 200 }],
  },
  {
    ...{
      time: at(2),
      outcome: "failed",
      status: 503,
      caller: "key bob",
      retries: 1,
      fallbacks: 1,
      provider: "anthropic",
    },
    error: errorOf("llm.provider.overloaded"),
    attempts: [
      { ...tried, code: "llm.provider.server_error" },
      { ...tried, provider: "anthropic", code: "llm.provider.overloaded" },
    ],
  },
  {
    ...{ time: at(3), outcome: "interrupted", partial: true },
    error: { ...errorOf("llm.stream.interrupted"), retryable: false },
    attempts: [{ ...tried, status: 200 }],
  },
  { time: at(4), outcome: "canceled", status: 499 },
  {
    ...{ time: at(5), outcome: "failed", status: 429, error: errorOf("llm.rate_limit.requests") },
    limits: [
      { layer: "rateLimit", name: "requests per caller", allowed: false, remaining: 0, capacity: 30 },
      { layer: "rateLimit", name: "tokens per caller", allowed: true, remaining: 9, capacity: 10 },
      { layer: "rateLimit", name: "new", allowed: false, dry_run: true, remaining: 0, capacity: 1 },
    ],
  },
];

function summaryBy(by: Grouping): SummaryReport {
  const summary = new Summary(by);
  for (const facts of RECORDS) {
    const entry = entryOf({ ...record(facts) });
    assert.ok(entry);
    summary.add(entry, "log");
  }
  return summary.report(60);
}

test("totals add up", () => {
  const { totals } = summaryBy("class");
  assert.deepEqual(totals, {
    calls: 6,
    outcomes: { completed: 2, failed: 2, interrupted: 1, canceled: 1 },
    errors: 3,
    partial: 1,
    retries: 1,
    fallbacks: 1,
    tokens: { input: 11, output: 22, cached: 5, reasoning: 7 },
    cost: 0.5,
    priced: 1,
    callers: { count: 2, more: false },
    firstMs: BEGAN,
    lastMs: BEGAN + 5000,
  });
});

test("failures are grouped by their class, and one who left is shown among them", () => {
  const { failures } = summaryBy("class");
  assert.deepEqual(
    failures.map(({ name, calls, failed, callers, retryable, code }) => [
      name,
      calls,
      failed,
      callers.count,
      retryable,
      code,
    ]),
    [
      ["upstream", 2, 2, 2, 1, "llm.provider.overloaded"],
      ["canceled", 1, 1, 1, 0, undefined],
      ["rate_limit", 1, 1, 1, 1, "llm.rate_limit.requests"],
    ],
  );
  assert.deepEqual([failures[0]?.firstMs, failures[0]?.lastMs], [BEGAN + 2000, BEGAN + 3000]);
});

test("failures are grouped by whatever was asked for", () => {
  const grouped = (by: Grouping): (readonly [string, number, number])[] =>
    summaryBy(by).failures.map(({ name, failed, calls }) => [name, failed, calls]);
  assert.deepEqual(grouped("code"), [
    ["canceled", 1, 1],
    ["llm.provider.overloaded", 1, 1],
    ["llm.rate_limit.requests", 1, 1],
    ["llm.stream.interrupted", 1, 1],
  ]);
  assert.deepEqual(grouped("provider"), [
    ["openai", 2, 5],
    ["anthropic", 1, 1],
  ]);
  assert.deepEqual(grouped("model"), [["gpt-5-mini", 3, 6]]);
  assert.deepEqual(grouped("caller"), [
    ["key alice", 2, 4],
    ["key bob", 1, 2],
  ]);
  assert.deepEqual(grouped("status"), [
    ["200", 1, 3],
    ["429", 1, 1],
    ["503", 1, 1],
  ]);
});

test("a provider is known by the calls it answered and by all that it was asked", () => {
  const { providers, models } = summaryBy("class");
  assert.deepEqual(
    providers.map(({ name, calls, errors, tries, failedTries }) => [name, calls, errors, tries, failedTries]),
    [
      ["openai", 5, 2, 4, 1],
      ["anthropic", 1, 1, 1, 1],
    ],
  );
  const [{ totalMs, firstTokenMs } = {}] = models;
  assert.ok(Math.abs((totalMs?.p50 ?? 0) - 1000) < 20 && Math.abs((totalMs?.p95 ?? 0) - 3000) < 60);
  assert.ok(Math.abs((firstTokenMs?.p50 ?? 0) - 200) < 4);
});

test("limits that refused are counted, those that allowed are not", () => {
  assert.deepEqual(summaryBy("class").refusals, [
    { name: "rateLimit: requests per caller", refused: 1, callers: { count: 1, more: false } },
  ]);
});

test("over time there are the calls and their errors", () => {
  const { overTime } = summaryBy("class");
  assert.deepEqual(
    overTime?.buckets.map(({ calls, errors }) => [calls, errors]),
    [
      [1, 0],
      [1, 0],
      [1, 1],
      [1, 1],
      [1, 0],
      [1, 1],
    ],
  );
});

function summed(facts: readonly Partial<CallRecord>[], source = "log"): SummaryReport {
  const summary = new Summary("class");
  for (const each of facts) {
    const entry = entryOf({ ...record(each) });
    assert.ok(entry);
    summary.add(entry, source);
  }
  return summary.report(60);
}

test("a try that the gateway ended is none that its provider failed", () => {
  const attempts = [
    { ...tried, code: "llm.canceled" },
    { ...tried, provider: "anthropic", status: 200 },
  ];
  const { providers } = summed([{ attempts }]);
  assert.deepEqual(
    providers.map(({ name, tries, failedTries }) => [name, tries, failedTries]),
    [
      ["openai", 1, 0],
      ["anthropic", 1, 0],
    ],
  );
});

test("the first token of what is not streamed is no measure", () => {
  const [row] = summed([{ first_token_ms: 100 }, { first_token_ms: 9000, stream: false }]).models;
  assert.ok((row?.firstTokenMs.p95 ?? 0) < 110);
});

test("environments are named, the most frequent first", () => {
  const calls = [{ environment: "staging" }, { environment: "production" }, { environment: "production" }, {}];
  assert.deepEqual(summed(calls).environments, ["production", "staging"]);
});

test("a source with five calls of which none completed may leave out those that did", () => {
  const failed = { outcome: "failed", status: 503, error: errorOf("llm.provider.overloaded") } as const;
  const five = Array.from({ length: 5 }, () => failed);
  assert.deepEqual(summed(five).noneCompleted, ["log"]);
  assert.deepEqual(summed(five.slice(1)).noneCompleted, []);
  assert.deepEqual(summed([...five, {}]).noneCompleted, []);
});
