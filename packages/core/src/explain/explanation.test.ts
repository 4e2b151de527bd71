import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "../codes.ts";
import type { CallRecord } from "../records/record.ts";
import { entryOf } from "./entry.ts";
import { type Explanation, explain } from "./explanation.ts";
import { explanationPage } from "./explanation-page.ts";
import { runbook } from "./runbook.ts";
import { errorOf, record } from "./sample.test.ts";
import { terminalText } from "./terminal.ts";

const tally = { bytes: 1, lines: 1, records: 1, outside: 0, other: 0, broken: 0, tooLong: 0 };
const look = { columns: 100, unicode: true, color: false };

function explained(facts: Partial<CallRecord>): Explanation {
  const entry = entryOf({ ...record(facts) });
  assert.ok(entry);
  return explain({ entry, namesakes: [], nearby: undefined, forgotten: false, tally });
}

function failed(code: Code, facts: Partial<CallRecord> = {}): Explanation {
  return explained({ outcome: "failed", status: codes[code].status, error: errorOf(code), ...facts });
}

test("every code has a class, a fault, an answer and steps, and can be shown", () => {
  for (const code of Object.keys(codes) as Code[]) {
    const told = failed(code);
    assert.equal(told.class, code === "llm.canceled" ? "canceled" : codes[code].layer);
    assert.ok(["caller", "gateway", "provider", "network"].includes(told.fault.party), code);
    assert.equal(told.again.answer === "yes", codes[code].retryable || code === "llm.canceled", code);
    assert.ok(told.steps.length > 0);
    const text = terminalText(explanationPage(told, tally), look);
    assert.ok(text.includes(code) && text.includes("send again"), code);
    assert.doesNotMatch(text, /undefined|NaN|\[object/);
  }
});

test("whose fault it is follows from the code, else from the class, else from the origin", () => {
  const party = (code: Code): string => failed(code).fault.party;
  assert.equal(party("llm.auth.invalid_key"), "caller");
  assert.equal(party("llm.auth.unavailable"), "gateway");
  assert.equal(party("llm.provider.auth"), "gateway");
  assert.equal(party("llm.provider.rejected"), "caller");
  assert.equal(party("llm.provider.server_error"), "provider");
  assert.equal(party("llm.provider.unreachable"), "network");
  assert.equal(party("llm.internal"), "gateway");
  assert.equal(failed("llm.provider.rejected").steps, runbook.request.steps);
  assert.equal(failed("llm.provider.rejected").means, runbook.request.means);
  assert.equal(failed("llm.provider.server_error").steps, runbook.upstream.steps);
  const unknown = { ...errorOf("llm.internal"), code: "llm.of.tomorrow", layer: "moon", origin: "upstream" };
  // A record of a later version.
  const error = unknown as unknown as NonNullable<CallRecord["error"]>;
  assert.deepEqual(
    [explained({ outcome: "failed", error }).class, explained({ outcome: "failed", error }).fault.party],
    ["unknown", "provider"],
  );
});

test("whether to send it again: as the record says, and what to mind", () => {
  assert.match(failed("llm.rate_limit.requests").again.why, /Retry-After/);
  assert.match(failed("llm.timeout.first_token").again.why, /bill/);
  const vain = failed("llm.provider.overloaded", {
    error: { ...errorOf("llm.provider.overloaded"), retryable: false },
  });
  assert.deepEqual([vain.again.answer, /in vain/.test(vain.again.why)], ["later", true]);
  assert.match(failed("llm.request.invalid").again.why, /first change what is sent/);
  assert.match(failed("llm.provider.auth").again.why, /until the cause is gone/);
  assert.match(failed("llm.output.invalid_json").again.why, /paid/);
  const cut = { outcome: "interrupted", status: 200, partial: true, error: errorOf("llm.stream.interrupted") } as const;
  assert.match(explained(cut).again.why, /begin from the start/);
  assert.doesNotMatch(explained(cut).again.why, /tools were called/i);
  assert.match(explained({ ...cut, tools: ["pay"] }).again.why, /Tools were called/);
  assert.equal(explained({}).again.answer, "no need");
  assert.equal(explained({ outcome: "canceled" }).again.answer, "yes");
});

test("what happened is told in order, with the ids to quote", () => {
  const facts = { provider: "openai", model: "gpt-5-mini" };
  const { happened, gatewayDid, pace } = explained({
    ...{ retries: 1, fallbacks: 1, first_token_ms: 1500, total_ms: 3500, answered_by: "claude", provider: "anthropic" },
    tokens: { input: 10, output: 100 },
    attempts: [
      { ...facts, status: 500, code: "llm.provider.server_error", duration_ms: 200, upstream_request_id: "up-1" },
      { ...facts, code: "llm.provider.unreachable", duration_ms: 300 },
      { provider: "anthropic", model: "claude", status: 200, duration_ms: 400, upstream_request_id: "up-3" },
    ],
  });
  assert.deepEqual(
    happened.map(({ afterMs, text }) => [afterMs, text]),
    [
      [0, "call of key alice, for gpt-5-mini, as a stream"],
      [0, "try 1: openai/gpt-5-mini, 500 llm.provider.server_error after 200 ms, its request id up-1"],
      [200, "try 2: openai/gpt-5-mini, llm.provider.unreachable after 300 ms"],
      [500, "try 3: anthropic/claude, 200 after 400 ms, its request id up-3"],
      [1500, "first visible piece of an answer"],
      [3500, "completed with status 200, answered by anthropic/claude"],
    ],
  );
  assert.deepEqual(
    happened.map(({ atEarliest }) => atEarliest),
    [undefined, undefined, true, true, undefined, undefined],
  );
  assert.deepEqual(gatewayDid, [
    "Asked providers 3 times: 1 retry, 1 fallback.",
    "Spent 600 ms outside the tries: on waits, in queues, with its own work.",
  ]);
  assert.deepEqual(pace, [
    "2 tries that failed took 500 ms.",
    "The call took 3.5 s in all.",
    "The first token came after 1.5 s, 42.9 % of it; then 50 tokens a second.",
  ]);
});

test("of tries that went on at the same time nobody knows when they began", () => {
  const attempt = { provider: "openai", model: "gpt-5", status: 200, duration_ms: 900 };
  const { happened } = explained({ attempts: [attempt, attempt], first_token_ms: 900, total_ms: 1000 });
  assert.deepEqual(
    happened.map(({ afterMs }) => afterMs),
    [0, undefined, undefined, 900, 1000],
  );
});

test("limits, caches, repairs and failing fields are told", () => {
  const { gatewayDid, issues, message, cause } = failed("llm.request.invalid", {
    limits: [
      { layer: "rateLimit", name: "requests per caller", allowed: true, remaining: 4, capacity: 30 },
      { layer: "rateLimit", name: "tokens per caller", allowed: false, remaining: -20, capacity: 100 },
      { layer: "rateLimit", name: "new", allowed: false, dry_run: true, remaining: 0, capacity: 1 },
    ],
    cache: [
      { layer: "idempotency", hit: false },
      { layer: "transcripts", hit: true },
    ],
    post_processing: [{ type: "json-repair", verdict: "repaired" }],
    error: {
      ...errorOf("llm.request.invalid", "No."),
      issues: [{ path: "messages[0]", message: "is empty" }],
      cause: "why",
    },
  });
  assert.deepEqual(gatewayDid, [
    "Asked no provider.",
    'Limit "requests per caller" of rateLimit: allowed, 4 of 30 left.',
    'Limit "tokens per caller" of rateLimit: refused, 20 in debt.',
    'Limit "new" of rateLimit: would have refused, in a dry run, 0 of 1 left.',
    "Cache of idempotency: miss.",
    "Cache of transcripts: hit.",
    "Processed the answer: json-repair (repaired).",
  ]);
  assert.deepEqual([issues, message, cause], [["messages[0]: is empty"], "No.", "why"]);
});

test("a record of anything can be explained", () => {
  for (const odd of ["constructor", "__proto__", -1, 1e308, null, [[]], { a: 1 }, "x".repeat(1e5)]) {
    const names = Object.keys(
      record({ error: errorOf("llm.internal"), tokens: { input: 1, output: 1 }, limits: [], cache: [] }),
    );
    const error = Object.fromEntries(Object.keys(errorOf("llm.internal")).map((name) => [name, odd]));
    const fields = {
      ...Object.fromEntries(names.map((name) => [name, odd])),
      request_id: "a",
      outcome: "failed",
      error,
    };
    for (const attempts of [[odd], [{ provider: odd, model: odd, duration_ms: odd, code: odd, status: odd }]]) {
      const entry = entryOf({ ...fields, attempts });
      assert.ok(entry);
      const told = explain({ entry, namesakes: [], nearby: undefined, forgotten: false, tally });
      assert.match(terminalText(explanationPage(told, tally), look), /^Call a\n/);
    }
  }
});

test("every class has a chapter", () => {
  for (const { means, steps } of Object.values(runbook)) assert.ok(means.endsWith(".") && steps.length > 0);
});
