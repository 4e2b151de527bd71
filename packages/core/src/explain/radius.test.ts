import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../records/record.ts";
import { type Entry, entryOf } from "./entry.ts";
import { NEARBY_MS, Nearby } from "./nearby.ts";
import { type Radius, radiusOf } from "./radius.ts";
import { BEGAN, errorOf, record } from "./sample.test.ts";

function entry(facts: Partial<CallRecord>): Entry {
  const found = entryOf({ ...record({ request_id: "another", ...facts }) });
  assert.ok(found);
  return found;
}

const overloaded = { outcome: "failed", status: 503, error: errorOf("llm.provider.overloaded") } as const;
const target = entry({ request_id: "this", ...overloaded });

type Others = readonly (readonly [times: number, facts: Partial<CallRecord>])[];

function radius(others: Others, of: Entry = target): Radius {
  const nearby = new Nearby(of);
  nearby.add(of);
  for (const [times, facts] of others) for (let at = 0; at < times; at++) nearby.add(entry(facts));
  return radiusOf(of, nearby.report());
}

const bob = { caller: "key bob" };
const gpt5 = { model: "gpt-5" };
const claude = { provider: "anthropic", model: "claude" };

test("nobody else failed like it: only this call", () => {
  const { reach, text } = radius([
    [9, {}],
    [3, { ...overloaded, error: errorOf("llm.provider.auth") }],
  ]);
  assert.deepEqual([reach, text], ["call", "Only this call: no other one ended like it, and 9 completed."]);
});

test("one caller fails while others with its model do not", () => {
  const { reach, text } = radius([
    [5, overloaded],
    [20, bob],
  ]);
  assert.equal(reach, "caller");
  assert.equal(
    text,
    "This caller, key alice: all 5 other calls that ended like it, while 20 calls of other callers with its model completed.",
  );
});

test("one model fails for several callers while others of its provider do not; a few elsewhere are chance", () => {
  assert.equal(
    radius([
      [5, overloaded],
      [6, { ...overloaded, ...bob }],
      [9, { ...bob, ...gpt5 }],
    ]).reach,
    "model",
  );
  const { reach, text } = radius([
    [5, overloaded],
    [15, { ...overloaded, ...bob }],
    [1, { ...overloaded, ...claude }],
    [1, gpt5],
  ]);
  assert.deepEqual([reach, /^This model, gpt-5-mini: 20 of 21 other calls/.test(text)], ["model", true]);
});

test("one provider fails with several models while others do not", () => {
  const others: Others = [
    [5, overloaded],
    [6, { ...overloaded, ...bob, ...gpt5 }],
    [9, { ...bob, ...claude }],
  ];
  assert.equal(radius(others).reach, "provider");
});

test("where nothing outside a scope is well, the scope proves nothing", () => {
  assert.equal(radius([[5, overloaded]]).reach, "everything");
  assert.equal(
    radius([
      [5, overloaded],
      [5, { ...overloaded, ...bob, ...claude }],
      [4, bob],
    ]).reach,
    "everything",
  );
});

test("a few over many callers, models and providers are scattered", () => {
  const others: Others = [
    [2, overloaded],
    [1, { ...overloaded, ...bob, ...claude }],
    [30, bob],
    [30, { ...bob, ...claude }],
  ];
  const { reach, text } = radius(others);
  assert.equal(reach, "scattered");
  assert.match(text, /3 other calls that ended like it, of 2 callers, while 60 completed/);
});

test("a failure before a provider was asked is the caller's where other callers are well", () => {
  const {
    model: _,
    provider: __,
    ...bare
  } = record({ request_id: "this", outcome: "failed", error: errorOf("llm.auth.invalid_key") });
  const refused = entryOf({ ...bare });
  assert.ok(refused);
  assert.equal(
    radius(
      [
        [3, { outcome: "failed", error: errorOf("llm.auth.invalid_key") }],
        [7, bob],
      ],
      refused,
    ).reach,
    "caller",
  );
});

test("only what began within five minutes counts, and the call itself does not", () => {
  const nearby = new Nearby(target);
  const at = (ms: number): Entry => entry({ ...overloaded, time: new Date(BEGAN + ms).toISOString() });
  nearby.add(target);
  for (const ms of [-NEARBY_MS - 1, -NEARBY_MS, 0, NEARBY_MS, NEARBY_MS + 1]) nearby.add(at(ms));
  // A client that tries again with the same id, a little later and at once.
  nearby.add({ ...target, timeMs: BEGAN + 1 });
  nearby.add(target);
  const { scopes, firstMs, lastMs } = nearby.report();
  assert.deepEqual([scopes.everything.calls, scopes.everything.same], [5, 5]);
  assert.deepEqual([firstMs, lastMs], [BEGAN - NEARBY_MS, BEGAN + NEARBY_MS]);
});

test("a caller who left is not like a failure of no known code", () => {
  const left = entry({ request_id: "this", outcome: "canceled" });
  assert.equal(
    radius(
      [
        [3, { outcome: "failed" }],
        [1, {}],
      ],
      left,
    ).reach,
    "call",
  );
});

test("one or two others have too little in common to tell", () => {
  const of = (others: number): Radius =>
    radius([
      [others, overloaded],
      [20, bob],
    ]);
  assert.deepEqual(of(1), {
    reach: "unclear",
    text: "Too few to tell: one other call ended like it, and 20 completed.",
  });
  assert.equal(of(2).text, "Too few to tell: 2 other calls ended like it, and 20 completed.");
  assert.equal(of(3).reach, "caller");
});
