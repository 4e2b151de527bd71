import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "../codes.ts";
import { adviceOf } from "./advice.ts";
import { blameOf } from "./blame.ts";
import { type Entry, entryOf } from "./entry.ts";
import { errorOf, record } from "./sample.test.ts";

function failed(code: Code): Entry {
  const entry = entryOf({ ...record({ outcome: "failed", error: errorOf(code) }) });
  assert.ok(entry);
  return entry;
}

test("what to do fits whose fault it is", () => {
  for (const code of Object.keys(codes) as Code[]) {
    const { means, steps } = adviceOf(failed(code));
    if (blameOf(failed(code)).party === "provider") continue;
    assert.doesNotMatch(means, /^The provider failed/, code);
    if (blameOf(failed(code)).party === "gateway") assert.doesNotMatch(steps.join(), /status page/, code);
  }
});

test("what is the gateway's own at its provider has a cure of its own", () => {
  assert.match(adviceOf(failed("llm.provider.auth")).steps[0] ?? "", /^Replace the key/);
  assert.match(adviceOf(failed("llm.provider.rate_limited")).steps.join(), /higher limits, or spread the load/);
  assert.match(adviceOf(failed("llm.provider.quota_exhausted")).steps[0] ?? "", /billing/);
});

test("what to do about an output can be done, whatever is mounted", () => {
  const steps = adviceOf(failed("llm.output.schema_mismatch")).steps.join();
  assert.match(steps, /have callers send `post_processing_steps`, or configure the step for all/);
  assert.doesNotMatch(steps, /finish reason|Mount/);
});
