import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeaders, setAnswerHeaders } from "./answer-headers.ts";
import { createCall } from "./call.ts";
import { contextKey, requestWith } from "./context.ts";
import { chat } from "./testing.ts";

test("a call for which no layer has set headers has none", () => {
  assert.deepEqual(answerHeaders(createCall()), {});
});

test("the headers of all layers are there", () => {
  const call = createCall();
  setAnswerHeaders(call, () => {}, { "x-a": "1" });
  setAnswerHeaders(call, {}, { "x-b": "2" });
  assert.deepEqual(answerHeaders(call), { "x-a": "1", "x-b": "2" });
});

test("where several layers set a header the outermost has its way", () => {
  const call = createCall();
  for (const who of ["outer", "middle", "inner"]) setAnswerHeaders(call, {}, { "x-who": who, [`x-${who}`]: "1" });
  assert.deepEqual(answerHeaders(call), { "x-who": "outer", "x-outer": "1", "x-middle": "1", "x-inner": "1" });
});

test("what a layer sets again takes the place of all that it had set", () => {
  const call = createCall();
  const [outer, inner] = [{}, {}];
  setAnswerHeaders(call, outer, { "x-who": "outer" });
  setAnswerHeaders(call, inner, { "x-a": "1", "x-b": "1" });
  setAnswerHeaders(call, inner, { "x-b": "2", "x-c": "2" });
  assert.deepEqual(answerHeaders(call), { "x-who": "outer", "x-b": "2", "x-c": "2" });
  setAnswerHeaders(call, inner, {});
  assert.deepEqual(answerHeaders(call), { "x-who": "outer" });
});

test("a layer that sets its headers again is no further out than before", () => {
  const call = createCall();
  const [outer, inner] = [{}, {}];
  setAnswerHeaders(call, outer, { "x-who": "outer 1" });
  setAnswerHeaders(call, inner, { "x-who": "inner" });
  setAnswerHeaders(call, outer, { "x-who": "outer 2" });
  assert.deepEqual(answerHeaders(call), { "x-who": "outer 2" });
});

test("each call has its own", () => {
  const [one, other] = [createCall(), createCall()];
  const layer = {};
  setAnswerHeaders(one, layer, { "x-a": "1" });
  assert.deepEqual(answerHeaders(other), {});
  setAnswerHeaders(other, layer, { "x-a": "2" });
  assert.deepEqual(answerHeaders(one), { "x-a": "1" });
});

test("what is set below a layer that changes the context is the whole call's", () => {
  const request = chat();
  const below = requestWith(request, contextKey("anything", 0), 1);
  setAnswerHeaders(below.call, {}, { "x-a": "1" });
  assert.deepEqual(answerHeaders(request.call), { "x-a": "1" });
});

test("headers that were read stay as they were", () => {
  const call = createCall();
  setAnswerHeaders(call, {}, { "x-a": "1" });
  const read = answerHeaders(call);
  setAnswerHeaders(call, {}, { "x-b": "2" });
  assert.deepEqual(read, { "x-a": "1" });
});
