import assert from "node:assert/strict";
import { test } from "node:test";
import { createCall, requestId } from "./call.ts";
import { contextKey, createContext } from "./context.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("a call of which nothing is known has a new id, no headers, no address and a signal that is not aborted", () => {
  const call = createCall();
  assert.match(call.id, UUID);
  assert.notEqual(call.id, createCall().id);
  assert.deepEqual(call.headers, {});
  assert.equal(call.address, undefined);
  assert.equal(call.signal.aborted, false);
  const key = contextKey("key", "default");
  assert.equal(call.context.get(key), "default");
});

test("what is known of a call is kept", () => {
  const known = {
    id: "id-1",
    headers: { "x-a": "1" },
    address: "192.0.2.1",
    signal: AbortSignal.abort(),
    context: createContext(),
  };
  assert.deepEqual(createCall(known), known);
  assert.equal(createCall(known).context, known.context);
});

test("a call takes only what belongs to a call", () => {
  const known = { id: "id-1", method: "POST", path: "/", body: {} };
  assert.deepEqual(Object.keys(createCall(known)).sort(), ["address", "context", "headers", "id", "signal"]);
});

test("a caller's own request id is kept where it is 1 to 128 letters, digits, dots, underscores or hyphens", () => {
  for (const own of ["a", "my-id.1_B", "-", "9".repeat(128)]) {
    assert.equal(requestId({ "x-request-id": own }), own);
  }
});

test("any other request id is replaced", () => {
  const bad = ["", " ", "9".repeat(129), "a b", "a\n", "a\r\nx: y", "\u001b[31m", "ü", "a/b", "a,b", "<script>", '"'];
  for (const own of bad) assert.match(requestId({ "x-request-id": own }), UUID, JSON.stringify(own));
  assert.match(requestId({}), UUID);
});
