import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../records/record.ts";
import { type Entry, entryOf } from "./entry.ts";
import { Nearby } from "./nearby.ts";
import { paceOf } from "./pace.ts";
import { errorOf, record } from "./sample.test.ts";

function entry(facts: Partial<CallRecord>): Entry {
  const found = entryOf({ ...record(facts) });
  assert.ok(found);
  return found;
}

function pace(facts: Partial<CallRecord>, others: number): string | undefined {
  const call = entry({ request_id: "this", ...facts });
  const nearby = new Nearby(call);
  for (let at = 1; at <= others; at++) nearby.add(entry({ request_id: `other-${at}`, total_ms: at * 100 }));
  return paceOf(call, nearby.report()).at(-1);
}

test("a call is slow where it took longer than 95 % of those of its model near it", () => {
  assert.match(
    pace({ total_ms: 5000 }, 40) ?? "",
    /^40 other calls of its model near it: p50 2\.0 s, p95 3\.9 s\. So this one was slow\.$/,
  );
  assert.match(pace({ total_ms: 3000 }, 40) ?? "", /as usual\.$/);
});

test("a few calls are no measure", () => {
  assert.match(pace({ total_ms: 5000 }, 5) ?? "", /^5 other calls .* p95 \d+ ms\.$/);
  assert.equal(pace({ total_ms: 5000 }, 0), "No other call of its model completed near it.");
  assert.equal(pace({ total_ms: 5000, model: "another" }, 40), "No other call of its model completed near it.");
});

test("how long a refusal took tells nothing; of a timeout it does", () => {
  assert.equal(pace({ outcome: "failed", error: errorOf("llm.auth.invalid_key") }, 40), undefined);
  assert.match(pace({ outcome: "failed", error: errorOf("llm.timeout.total"), total_ms: 9000 }, 40) ?? "", /slow/);
});
