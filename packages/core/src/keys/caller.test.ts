import assert from "node:assert/strict";
import { test } from "node:test";
import { readCaller } from "./caller.ts";

const full = {
  name: "alice",
  models: ["gpt-*"],
  regions: ["eu"],
  limits: [
    { requests: 30, windowMs: 60_000 },
    { tokens: 1000, refillPerSecond: 10, per: ["caller", "model"] },
  ],
  concurrency: 5,
  metadata: { team: "a" },
};

test("a caller with all fields is taken as it is", () => {
  assert.deepEqual(readCaller(full, "part", "it"), full);
});

test("an empty list of models stays one: no model at all", () => {
  assert.deepEqual(readCaller({ name: "alice", models: [] }, "part", "it").models, []);
});

const BAD: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
  [{ name: 7 }, /^part: it\.name must be/],
  [{ name: "x".repeat(257) }, /^part: it\.name must be/],
  [{ models: "gpt-*" }, /^part: it\.models must be a list of texts/],
  [{ models: null }, /^part: it\.models must be a list of texts/],
  [{ models: [""] }, /^part: it\.models must be a list of texts/],
  [{ regions: [1] }, /^part: it\.regions must be a list of texts/],
  [{ concurrency: 0 }, /^part: it\.concurrency must be a whole number from 1/],
  [{ concurrency: "5" }, /^part: it\.concurrency must be/],
  [{ metadata: ["a"] }, /^part: it\.metadata must be an object/],
  [{ limits: { requests: 1 } }, /^part: it\.limits must be a list/],
  [{ limits: [null] }, /^part: it\.limits\[0\] must be an object/],
  [{ limits: [{ requests: 1 }] }, /^part: it\.limits\[0\] must have either windowMs or refillPerSecond/],
  [
    {
      limits: [
        { requests: 1, windowMs: 1 },
        { requests: 0, windowMs: 1 },
      ],
    },
    /^part: it\.limits\[1\]\.requests must be/,
  ],
  [{ limits: [{ requests: 1, windowMs: 1, per: "address" }] }, /^part: it\.limits\[0\]\.per must be/],
  [{ limits: [{ requests: 1, windowMs: 1, window: "60s" }] }, /^part: it\.limits\[0\] has the unknown field "window"/],
  [{ model: ["gpt-*"] }, /^part: it has the unknown field "model"; there are name, models,/],
  [{ kind: "key" }, /^part: it has the unknown field "kind"/],
];

for (const [fields, message] of BAD) {
  test(`a bad caller is told of: ${JSON.stringify(fields).slice(0, 60)}`, () => {
    assert.throws(() => readCaller({ name: "alice", ...fields }, "part", "it"), { name: "TypeError", message });
  });
}
