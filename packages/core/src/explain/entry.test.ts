import assert from "node:assert/strict";
import { test } from "node:test";
import { entryOf, isError } from "./entry.ts";
import { BEGAN, errorOf, record } from "./sample.test.ts";

test("a record is an object with an id, an outcome and attempts", () => {
  assert.ok(entryOf({ ...record() }));
  for (const missing of ["request_id", "outcome", "attempts"])
    assert.equal(entryOf({ ...record(), [missing]: undefined }), undefined);
  assert.equal(entryOf({ ...record(), outcome: "perhaps" }), undefined);
});

test("pino's own time is the end of the call, a record's own its beginning", () => {
  const pino = { level: 30, pid: 1, hostname: "x", msg: "call" };
  assert.equal(entryOf({ ...record(), ...pino, time: BEGAN + 1000 })?.timeMs, BEGAN);
  assert.equal(entryOf({ ...record(), ...pino })?.timeMs, BEGAN);
  assert.equal(entryOf({ ...record(), time: BEGAN, total_ms: Number.MAX_SAFE_INTEGER })?.timeMs, BEGAN);
  assert.equal(entryOf({ ...record(), time: undefined })?.timeMs, undefined);
});

test("what is not as it should be is not there", () => {
  const odd = {
    caller: 7,
    model: "",
    total_ms: -1,
    cost: Number.POSITIVE_INFINITY,
    retries: "2",
    error: [],
    status: null,
  };
  const { caller, model, totalMs, cost, retries, status, kind } = entryOf({ ...record(), ...odd }) ?? {};
  assert.deepEqual(
    [caller, model, totalMs, cost, retries, status, kind],
    [undefined, undefined, undefined, undefined, 0, undefined, "completed"],
  );
  assert.equal(entryOf({ ...record(), model: "m".repeat(5000) })?.model?.length, 200);
});

test("the class is the layer of the error, by its code where it does not say, and the end of what did not fail", () => {
  const kindOf = (facts: object): string | undefined => entryOf({ ...record(), ...facts })?.kind;
  assert.equal(kindOf({ outcome: "failed", error: errorOf("llm.timeout.connect") }), "network");
  assert.equal(kindOf({ outcome: "interrupted", error: { code: "llm.stream.interrupted" } }), "upstream");
  assert.equal(kindOf({ outcome: "failed", error: { code: "llm.new.thing", layer: "quota" } }), "quota");
  assert.equal(kindOf({ outcome: "failed", error: { code: "llm.new.thing", layer: "moon" } }), "unknown");
  assert.equal(kindOf({ outcome: "failed" }), "unknown");
  assert.equal(kindOf({ outcome: "failed", error: errorOf("llm.canceled") }), "canceled");
  assert.equal(kindOf({ outcome: "canceled" }), "canceled");
});

test("a caller who left is no error", () => {
  assert.deepEqual(
    (["completed", "canceled", "unknown", "request"] as const).map((kind) => isError({ kind })),
    [false, false, true, true],
  );
});
