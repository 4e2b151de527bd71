import assert from "node:assert/strict";
import { test } from "node:test";
import { codes } from "./codes.ts";

/** The status of every code: what callers rely on. */
const STATUSES: Readonly<Record<string, number>> = {
  "llm.auth.missing_key": 401,
  "llm.auth.invalid_key": 401,
  "llm.auth.unavailable": 503,
  "llm.access.model_unavailable": 403,
  "llm.billing.quota_exhausted": 429,
  "llm.rate_limit.requests": 429,
  "llm.rate_limit.tokens": 429,
  "llm.rate_limit.concurrency": 429,
  "llm.request.invalid": 400,
  "llm.request.unsupported_parameter": 400,
  "llm.request.context_length": 400,
  "llm.request.not_found": 404,
  "llm.request.method_not_allowed": 405,
  "llm.request.timeout": 408,
  "llm.request.too_large": 413,
  "llm.request.unsupported_media_type": 415,
  "llm.request.idempotency_conflict": 422,
  "llm.model.not_found": 404,
  "llm.transcript.not_found": 404,
  "llm.transcript.not_ready": 409,
  "llm.transcript.failed": 422,
  "llm.provider.auth": 502,
  "llm.provider.rejected": 400,
  "llm.provider.rate_limited": 429,
  "llm.provider.quota_exhausted": 429,
  "llm.provider.overloaded": 503,
  "llm.provider.circuit_open": 503,
  "llm.provider.server_error": 502,
  "llm.provider.unreachable": 502,
  "llm.provider.bad_response": 502,
  "llm.timeout.connect": 504,
  "llm.timeout.first_token": 504,
  "llm.timeout.idle": 504,
  "llm.timeout.total": 504,
  "llm.stream.interrupted": 502,
  "llm.output.invalid_json": 500,
  "llm.output.schema_mismatch": 500,
  "llm.output.invalid_tool_arguments": 500,
  "llm.overloaded": 503,
  "llm.shutting_down": 503,
  "llm.canceled": 499,
  "llm.internal": 500,
};

/** The layers that the second part of a code may belong to. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  auth: ["identity"],
  access: ["identity"],
  billing: ["quota"],
  rate_limit: ["rate_limit"],
  request: ["request"],
  model: ["request"],
  transcript: ["request", "upstream"],
  provider: ["upstream", "network", "gateway"],
  timeout: ["network", "upstream", "gateway"],
  stream: ["upstream"],
  output: ["output"],
  canceled: ["gateway"],
  overloaded: ["gateway"],
  shutting_down: ["gateway"],
  internal: ["gateway"],
};

test("every promised code is in the table, with its status", () => {
  for (const [code, status] of Object.entries(STATUSES)) {
    assert.ok(Object.hasOwn(codes, code), code);
    assert.equal(Reflect.get(codes, code).status, status, code);
  }
});

for (const [code, facts] of Object.entries(codes)) {
  test(`the facts of ${code} agree with each other`, () => {
    assert.match(code, /^llm(\.[a-z_]+){1,2}$/);
    const family = code.split(".")[1] ?? "";
    assert.ok(LAYERS[family]?.includes(facts.layer), `${facts.layer} is no layer of ${family}`);
    assert.ok(facts.status >= 400 && facts.status < 600);
    assert.ok(["gateway", "upstream"].includes(facts.origin));
    assert.ok(["before", "during", "after"].includes(facts.phase));
    // A caller's own key, access or request does not heal by trying again.
    if ([400, 401, 403, 404, 405, 413, 415, 422].includes(facts.status)) assert.equal(facts.retryable, false);
    // A refusal of the gateway's own never looks like a failure of what is behind it; that something cannot be looked up
    // is no refusal.
    const refuses = facts.origin === "gateway" && facts.layer !== "gateway" && !code.endsWith(".unavailable");
    if (refuses) assert.ok(facts.status < 500);
    if (["upstream", "network"].includes(facts.layer)) assert.equal(facts.origin, "upstream");
    // What the same target may cure, another may too, and so may the caller who sends it again.
    if (facts.remedy === "retry") assert.equal(facts.retryable, true);
    if (facts.layer === "output") assert.equal(facts.phase, "after");
  });
}

test("only the two codes of a caller's own key are 401", () => {
  const unauthorized = Object.entries(codes).filter(([, { status }]) => status === 401);
  assert.deepEqual(unauthorized.map(([code]) => code).sort(), ["llm.auth.invalid_key", "llm.auth.missing_key"]);
});
