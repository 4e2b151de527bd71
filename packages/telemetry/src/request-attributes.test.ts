import assert from "node:assert/strict";
import { test } from "node:test";
import { schemaOf } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { requestAttributes } from "./request-attributes.ts";

test("the newer field for the most tokens counts", () => {
  const request = chat({ max_tokens: 1, max_completion_tokens: 2 });
  assert.deepEqual(requestAttributes(request), { "gen_ai.request.max_tokens": 2 });
});

test("stop sequences are masked, cut, and so many at most", () => {
  const stop = ["sk-0123456789", "x".repeat(500), ...Array.from({ length: 50 }, String)];
  const shown = Object(requestAttributes(chat({ stop }))["gen_ai.request.stop_sequences"]);
  assert.equal(shown.length, 16);
  assert.equal(shown[0], "sk-***");
  assert.equal(shown[1].length, 128);
});

test("a schema is told by its name, and a format by the type of its output", () => {
  const asked = (response_format: { readonly type: string; readonly json_schema?: unknown }): object =>
    requestAttributes(chat({ response_format }));
  assert.deepEqual(asked({ type: "text" }), { "gen_ai.output.type": "text" });
  assert.deepEqual(asked({ type: "json_object" }), { "gen_ai.output.type": "json" });
  assert.deepEqual(asked({ type: "grammar" }), {});
  for (const json_schema of [null, 7, {}, { name: "without a schema" }]) {
    assert.deepEqual(asked({ type: "json_schema", json_schema }), { "gen_ai.output.type": "json" });
  }
  const { version } = schemaOf(chat({ response_format: { type: "json_schema", json_schema: { schema: {} } } })) ?? {};
  assert.match(String(version), /^[0-9a-f]{12}$/);
  const usual = { "gen_ai.output.type": "json", "gatewright.schema.version": version };
  const named = { ...usual, "gatewright.schema.name": "sk-***" };
  assert.deepEqual(asked({ type: "json_schema", json_schema: { schema: {} } }), usual);
  assert.deepEqual(asked({ type: "json_schema", json_schema: { name: "sk-0123456789", schema: {} } }), named);
});
