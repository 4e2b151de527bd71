import assert from "node:assert/strict";
import { test } from "node:test";
import { compose } from "@gatewright/core";
import { chat, scripted } from "@gatewright/core/testing";
import { schemaAsInstruction } from "./schema-as-instruction.ts";

const schema = { type: "object", properties: { name: { type: "string" } } };
const response_format = { type: "json_schema", json_schema: { name: "person", description: "Who it is.", schema } };

/** What the provider is asked. */
async function sent(body: object, models?: readonly string[]) {
  const handler = scripted("{}");
  await compose([schemaAsInstruction(models ? { models } : {})], handler)(chat(body));
  const [request] = handler.requests;
  assert.ok(request);
  return request;
}

test("the schema becomes an instruction before all other messages", async () => {
  const { messages, ...request } = await sent({ response_format });
  assert.equal("response_format" in request, false);
  assert.equal(messages.length, 2);
  assert.equal(messages[0]?.role, "system");
  const told = { description: "Who it is.", ...schema };
  assert.ok(String(messages[0]?.content).endsWith(`JSON Schema:\n${JSON.stringify(told)}`));
});

test("it is added to a system message that is there, text or parts", async () => {
  const user = { role: "user", content: "Hi" };
  const text = await sent({ response_format, messages: [{ role: "developer", content: "Be short." }, user] });
  assert.match(String(text.messages[0]?.content), /^Be short\.\n\nAnswer with one JSON value/);
  assert.equal(text.messages.length, 2);
  const parts = [{ type: "text", text: "Be short." }];
  const { messages } = await sent({ response_format, messages: [{ role: "system", content: parts }, user] });
  assert.equal(messages[0]?.content?.length, 2);
});

test("any JSON object can be asked for in words", async () => {
  const { messages } = await sent({ response_format: { type: "json_object" } });
  assert.match(String(messages[0]?.content), /must be an object/);
});

test("other models, and requests for text, are left alone", async () => {
  assert.deepEqual((await sent({ response_format, model: "gpt-5" }, ["llama-*"])).response_format, response_format);
  assert.equal((await sent({ response_format, model: "llama-3" }, ["llama-*"])).response_format, undefined);
  const text = { response_format: { type: "text" } };
  assert.deepEqual((await sent(text)).response_format, text.response_format);
});

test("names a bad option", () => {
  assert.throws(() => schemaAsInstruction({ models: [] }), { name: "TypeError", message: /models/ });
  // @ts-expect-error misspelled
  assert.throws(() => schemaAsInstruction({ model: ["a"] }), { name: "TypeError", message: /unknown field "model"/ });
  // @ts-expect-error no options
  assert.throws(() => schemaAsInstruction(null), { name: "TypeError", message: /^schemaAsInstruction: options/ });
});
