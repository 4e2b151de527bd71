import assert from "node:assert/strict";
import test from "node:test";
import { instanceOf } from "./schema-instance.ts";

test("builds what is required, named after its properties", () => {
  const schema = {
    type: "object",
    properties: {
      city: { type: "string" },
      days: { type: "integer" },
      exact: { type: "boolean" },
      unit: { type: "string", enum: ["celsius", "kelvin"] },
      version: { const: 3 },
      tags: { type: "array", items: { type: "string" } },
      place: { type: "object", properties: { lat: { type: "number" }, name: {} }, required: ["lat"] },
      nothing: { type: "null" },
      maybe: { type: ["null", "string"] },
      note: { type: "string" },
    },
    required: ["city", "days", "exact", "unit", "version", "tags", "place", "nothing", "maybe"],
  };
  assert.deepEqual(instanceOf(schema), {
    city: "city",
    days: 1,
    exact: true,
    unit: "celsius",
    version: 3,
    tags: ["tags"],
    place: { lat: 1 },
    nothing: null,
    maybe: "maybe",
  });
});

test("keeps to the limits of numbers, texts and lists", () => {
  assert.equal(instanceOf({ type: "integer", minimum: 18 }), 18);
  assert.equal(instanceOf({ type: "number", maximum: -2 }), -2);
  assert.equal(instanceOf({ type: "string", minLength: 8 }), "valuexxx");
  assert.equal(instanceOf({ type: "string", maxLength: 3 }), "val");
  assert.deepEqual(instanceOf({ items: { type: "number" }, minItems: 2 }), [1, 1]);
  assert.deepEqual(instanceOf({ type: "array", maxItems: 0 }), []);
});

test("follows references and choices", () => {
  const schema = {
    $defs: { "a/b": { type: "string" } },
    allOf: [
      { properties: { x: { $ref: "#/$defs/a~1b" } }, required: ["x"] },
      { properties: { y: { anyOf: [{ type: "integer" }, { type: "string" }] } }, required: ["y"] },
    ],
  };
  assert.deepEqual(instanceOf(schema), { x: "x", y: 1 });
});

test("comes to an end with schemas that do not", () => {
  const wide = { type: "array", minItems: 1000, items: { $ref: "#" } };
  assert.ok(JSON.stringify(instanceOf(wide)).length < 100_000);
  assert.ok(JSON.stringify(instanceOf({ $ref: "#" })).length < 100);
  assert.equal(instanceOf(undefined), null);
  assert.equal(instanceOf({ $ref: "#/$defs/__proto__" }), null);
});

test("leaves prototypes alone", () => {
  const value = instanceOf(JSON.parse('{"required":["__proto__"],"properties":{"__proto__":{"type":"object"}}}'));
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});
