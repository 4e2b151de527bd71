import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { chat } from "../testing.ts";
import { schemaOf } from "./schema-of.ts";

const SCHEMA = { type: "object", properties: { city: { type: "string" } } };

const asking = (json_schema: unknown): ReturnType<typeof chat> =>
  chat({ response_format: { type: "json_schema", json_schema } });

test("a schema is its name and a version, which is of its JSON", () => {
  const version = createHash("sha256").update(JSON.stringify(SCHEMA)).digest("hex").slice(0, 12);
  assert.deepEqual(schemaOf(asking({ name: "weather", schema: SCHEMA })), { name: "weather", version });
  // From what was kept.
  assert.deepEqual(schemaOf(asking({ name: "again", schema: SCHEMA })), { name: "again", version });
  assert.notEqual(schemaOf(asking({ name: "weather", schema: { type: "object" } }))?.version, version);
});

test("a call that asks for none has none", () => {
  assert.equal(schemaOf(chat()), undefined);
  assert.equal(schemaOf(chat({ response_format: null })), undefined);
  assert.equal(schemaOf(chat({ response_format: { type: "json_object" } })), undefined);
  for (const odd of [null, 5, "x", [], {}, { name: "a" }, { name: "a", schema: 5 }, { schema: null }]) {
    assert.equal(schemaOf(asking(odd)), undefined);
  }
});

test("a name is a text of one line, cut and masked, and may be missing", () => {
  const named = (name: unknown): string | undefined => schemaOf(asking({ name, schema: SCHEMA }))?.name;
  assert.equal(named(undefined), "");
  assert.equal(named(5), "");
  assert.equal(named("a\nb\u0000c"), "a b c");
  assert.equal(named("sk-0123456789abcdef"), "sk-***");
  assert.equal(named("x".repeat(1000))?.length, 64);
});

test("a schema that is no JSON has no version", () => {
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  assert.equal(schemaOf(asking({ name: "a", schema: circle })), undefined);
});
