import assert from "node:assert/strict";
import { test } from "node:test";
import { asChunk, completionAsChunk, isObject } from "./chunk.ts";

test("a chunk that is whole is given back as it is", () => {
  const chunks = [
    { choices: [] },
    { id: "c", choices: [{ index: 0, delta: {} }], x: 1 },
    { choices: [{ index: 1, delta: { content: "a" }, finish_reason: null, logprobs: null }] },
  ];
  for (const chunk of chunks) assert.equal(asChunk(chunk), chunk);
});

test("a choice without an index gets its place, and one without a delta an empty one", () => {
  const chunk = asChunk({
    x: 1,
    choices: [{ delta: { content: "a" }, y: 2 }, { index: 5 }, { index: "1", delta: null }],
  });
  assert.deepEqual(chunk, {
    x: 1,
    choices: [
      { y: 2, index: 0, delta: { content: "a" } },
      { index: 5, delta: {} },
      { index: 2, delta: {} },
    ],
  });
});

test("as many choices as may be asked for are told apart, and one outside of them makes no chunk", () => {
  for (const index of [0, 127]) {
    assert.equal(asChunk({ choices: [{ index, delta: {} }] })?.choices[0]?.index, index);
    assert.equal(asChunk({ choices: [{ index }] })?.choices[0]?.index, index);
  }
  for (const index of [-1, 128, 0.5, 1e9, Number.MAX_SAFE_INTEGER, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(asChunk({ choices: [{ index, delta: {} }] }), undefined, String(index));
    assert.equal(asChunk({ choices: [{ index }] }), undefined, String(index));
    assert.equal(asChunk({ choices: [{ index: 0, delta: {} }, { index }] }), undefined, String(index));
  }
});

test("a finish reason that is text stays, and another is none", () => {
  assert.equal(asChunk({ choices: [{ finish_reason: "stop" }] })?.choices[0]?.finish_reason, "stop");
  for (const finish_reason of [null, 1, {}, undefined]) {
    const choice = asChunk({ choices: [{ finish_reason }] })?.choices[0];
    assert.ok(!choice?.finish_reason);
  }
});

test("what tells something beside the answer has no choices", () => {
  assert.deepEqual(asChunk({ prompt_filter_results: [] }), { prompt_filter_results: [], choices: [] });
  assert.deepEqual(asChunk({ choices: null, usage: {} }), { choices: [], usage: {} });
});

test("what is no chunk is none", () => {
  const values = [
    undefined,
    null,
    7,
    "x",
    true,
    [],
    [{}],
    { choices: {} },
    { choices: "x" },
    { choices: [1] },
    { choices: [null] },
  ];
  for (const value of values) assert.equal(asChunk(value), undefined, JSON.stringify(value));
});

test("a delta or a message whose content or tool calls are of another kind is none: it is never passed on as empty", () => {
  const wrong = [{ content: 5 }, { content: {} }, { content: ["a"] }, { content: [{ text: 5 }] }, { content: true }];
  const calls = [{ tool_calls: {} }, { tool_calls: "x" }, { tool_calls: [null] }, { content: "a", tool_calls: [5] }];
  for (const said of [...wrong, ...calls, "text", 5, []]) {
    assert.equal(asChunk({ choices: [{ index: 0, delta: said }] }), undefined, JSON.stringify(said));
    assert.equal(asChunk({ choices: [{ delta: said }] }), undefined, JSON.stringify(said));
    assert.equal(completionAsChunk({ choices: [{ index: 0, message: said }] }), undefined, JSON.stringify(said));
  }
});

test("content may be text, parts or nothing, and there may be no tool calls", () => {
  const parts = [
    { type: "text", text: "a" },
    { type: "image_url", image_url: { url: "u" } },
  ];
  for (const said of [
    {},
    { content: "a" },
    { content: null },
    { content: [] },
    { content: parts },
    { tool_calls: null },
  ]) {
    assert.deepEqual(asChunk({ choices: [{ index: 0, delta: said }] })?.choices[0]?.delta, said);
    assert.deepEqual(completionAsChunk({ choices: [{ message: said }] })?.choices[0]?.delta, said);
  }
});

test("a completion is one chunk, with all its fields", () => {
  const completion = {
    id: "c",
    object: "chat.completion",
    x: 1,
    choices: [
      { index: 1, message: { role: "assistant", content: "b", y: 2 }, finish_reason: "length", logprobs: null, z: 3 },
      { index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop" },
    ],
    usage: { total_tokens: 3 },
  };
  const copy = structuredClone(completion);
  assert.deepEqual(completionAsChunk(completion), {
    id: "c",
    object: "chat.completion.chunk",
    x: 1,
    choices: [
      { index: 1, delta: { role: "assistant", content: "b", y: 2 }, finish_reason: "length", logprobs: null, z: 3 },
      { index: 0, delta: { role: "assistant", content: "a" }, finish_reason: "stop" },
    ],
    usage: { total_tokens: 3 },
  });
  assert.deepEqual(completion, copy);
});

test("a completion has ended: a choice without a finish reason has stopped", () => {
  for (const finish_reason of [undefined, null, 5]) {
    const chunk = completionAsChunk({
      choices: [
        { message: {}, finish_reason },
        { message: {}, finish_reason },
      ],
    });
    assert.deepEqual(
      chunk?.choices.map((choice) => [choice.index, choice.finish_reason]),
      [
        [0, "stop"],
        [1, "stop"],
      ],
    );
  }
});

test("what is no completion is none", () => {
  const values = [
    undefined,
    null,
    7,
    "x",
    [],
    {},
    { choices: [] },
    { choices: {} },
    { choices: [{}] },
    { choices: [null] },
  ];
  values.push(
    { choices: [{ index: 0, delta: {} }] },
    { choices: [{ message: "a" }] },
    { choices: [{ message: {} }, {}] },
  );
  for (const value of values) assert.equal(completionAsChunk(value), undefined, JSON.stringify(value));
});

test("an object is one that is neither null nor a list", () => {
  for (const value of [{}, { a: 1 }, Object.create(null)]) assert.equal(isObject(value), true);
  for (const value of [null, undefined, [], "x", 7, () => {}]) assert.equal(isObject(value), false);
});
