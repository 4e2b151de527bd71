import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, compose, GatewayError } from "@gatewright/core";
import { chat, type Outcome, scripted } from "@gatewright/core/testing";
import { type Fault, outputError } from "./output-error.ts";
import { type ValidateOutputOptions, validateOutput } from "./validate-output.ts";

const schema = { properties: { name: { type: "string" } }, required: ["name"], additionalProperties: false };
const weather = { type: "function", function: { name: "weather", parameters: schema } };
const asked = { response_format: { type: "json_schema", json_schema: { name: "person", schema } }, tools: [weather] };

async function errorOf(outcome: Outcome, options: ValidateOutputOptions = {}): Promise<GatewayError> {
  const pipeline = compose([validateOutput(options)], scripted(outcome));
  const error: unknown = await pipeline(chat(asked))
    .then(collect)
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof GatewayError, String(error));
  return error;
}

const calling = (...given: readonly string[]): Outcome => {
  const tool_calls = given.map((text) => ({ type: "function", function: { name: "weather", arguments: text } }));
  return [{ choices: [{ index: 0, delta: { tool_calls }, finish_reason: "tool_calls" }] }];
};

test("up to twenty faults are told, of all texts together", async () => {
  const { issues, message } = await errorOf(calling(...Array.from({ length: 30 }, () => "{}")));
  assert.equal(issues.length, 20);
  assert.ok(message.length < 3000);
  const faults = Array.from({ length: 21 }, (_, at): Fault => ({ kind: "schema", path: `[${at}]`, message: "is bad" }));
  assert.equal(outputError(faults, { cause: new Error("x") }).issues.at(-1)?.path, "[19]");
});

test("what the model said is the cause, without credentials; it is nowhere else", async () => {
  const name = "Ann has told us that her password is swordfish";
  const error = await errorOf(`{"key": ["sk-abcdefgh1234", 7], "${name}": "${"x".repeat(9000)}"}`);
  assert.ok(error.cause instanceof Error);
  assert.match(error.cause.message, /^The model answered: \{"key": \["sk-\*\*\*", 7\], "Ann has told us/);
  assert.ok(error.cause.message.length < 1100);
  assert.doesNotMatch(error.message + JSON.stringify(error.issues), /Ann|swordfish|sk-/);
});

test("the cause is the text that does not match, whatever becomes of it", async () => {
  const causeOf = async (...given: Parameters<typeof errorOf>): Promise<string> =>
    String((await errorOf(...given)).cause);
  assert.match(await causeOf(calling('{"name":"a"}', '{"name":7}')), /The model answered: \{"name":7\}$/);
  assert.match(await causeOf("long".repeat(30), { maxChars: 100 }), /The model answered: longlong/);
  assert.match(await causeOf('{"name":7}', { remedy: "fallback" }), /The model answered: \{"name":7\}$/);
});
