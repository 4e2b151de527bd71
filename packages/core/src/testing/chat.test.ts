import assert from "node:assert/strict";
import { test } from "node:test";
import { chat } from "./chat.ts";

test("a text is a user's message", () => {
  const { call, ...body } = chat("Hi");
  assert.deepEqual(body, { model: "test-model", messages: [{ role: "user", content: "Hi" }] });
  assert.equal(call.signal.aborted, false);
});

test("of a body the rest is filled in", () => {
  const { call: _, ...body } = chat({ model: "m", stream: true, x: 1 });
  assert.deepEqual(body, { model: "m", messages: [{ role: "user", content: "Hello" }], stream: true, x: 1 });
  const messages = [{ role: "system", content: "a" }] as const;
  assert.equal(chat({ messages }).messages, messages);
});

test("without anything it is a request all the same", () => {
  assert.deepEqual(chat().messages, [{ role: "user", content: "Hello" }]);
});

test("what is known of the call is kept, and the rest is filled in", () => {
  const signal = AbortSignal.abort();
  const { call } = chat("Hi", { signal, headers: { "x-a": "1" } });
  assert.equal(call.signal, signal);
  assert.deepEqual(call.headers, { "x-a": "1" });
  assert.notEqual(call.id, chat().call.id);
});
