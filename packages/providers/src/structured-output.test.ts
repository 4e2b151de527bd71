import assert from "node:assert/strict";
import { test } from "node:test";
import { chat } from "@gatewright/core/testing";
import { openai } from "./openai.ts";
import { refuseStructuredOutput } from "./structured-output.ts";

test("what a service cannot be held to is refused by name, and another target may take it", () => {
  for (const type of ["json_schema", "json_object"]) {
    assert.throws(() => refuseStructuredOutput(chat({ response_format: { type } }), "old"), {
      code: "llm.request.unsupported_parameter",
      status: 400,
      remedy: "fallback",
      message: RegExp(`^response_format: old cannot hold its answers to ${type}`),
    });
  }
});

test("text and nothing are fine", () => {
  for (const response_format of [null, { type: "text" }]) {
    refuseStructuredOutput(chat({ response_format }), "old");
  }
});

test("a provider that is told so refuses before it sends anything", async () => {
  const old = openai({ baseUrl: "http://127.0.0.1:9/v1", structuredOutput: false });
  await assert.rejects(old(chat({ response_format: { type: "json_object" } })), {
    code: "llm.request.unsupported_parameter",
  });
});
