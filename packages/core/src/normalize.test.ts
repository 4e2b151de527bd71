import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatChunk, Delta, ToolCall } from "./chat.ts";
import { normalizer } from "./normalize.ts";

const chunk = (delta: Delta, index = 0): ChatChunk => ({
  id: "c",
  object: "chat.completion.chunk",
  choices: [{ index, delta, finish_reason: null }],
});

test("a chunk that lacks nothing is given back as it is", () => {
  const normalize = normalizer();
  const chunks: ChatChunk[] = [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "a" }),
    chunk({ tool_calls: [{ index: 0, id: "i", type: "function", function: { name: "f", arguments: "" } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
    chunk({}),
    { object: "chat.completion.chunk", choices: [], usage: {} },
  ];
  for (const each of chunks) assert.equal(normalize(each), each);
});

test("a chunk without an object gets one", () => {
  assert.deepEqual(normalizer()({ id: "c", choices: [] }), { id: "c", object: "chat.completion.chunk", choices: [] });
});

test("the first delta of every choice gets the role, and only the first", () => {
  const normalize = normalizer();
  const roles = [chunk({ content: "a" }), chunk({ content: "b" }), chunk({ content: "c" }, 1), chunk({}, 1)].map(
    (each) => normalize(each).choices[0]?.delta,
  );
  assert.deepEqual(roles, [
    { role: "assistant", content: "a" },
    { content: "b" },
    { role: "assistant", content: "c" },
    {},
  ]);
});

test("a role that comes late does not come twice", () => {
  const normalize = normalizer();
  assert.equal(normalize(chunk({ content: "" })).choices[0]?.delta.role, "assistant");
  const late = chunk({ role: "assistant", content: "a" });
  assert.equal(normalize(late), late);
});

test("the choices of one chunk get their roles each", () => {
  const both: ChatChunk = {
    object: "chat.completion.chunk",
    choices: [
      { index: 0, delta: { role: "assistant" } },
      { index: 1, delta: { content: "b" } },
    ],
  };
  assert.deepEqual(
    normalizer()(both).choices.map(({ delta }) => delta),
    [{ role: "assistant" }, { role: "assistant", content: "b" }],
  );
});

test("unknown fields stay at every level", () => {
  const got = normalizer()({
    id: "c",
    x: 1,
    choices: [{ index: 0, y: 2, delta: { z: 3, tool_calls: [{ id: "i", w: 4 }] } }],
  });
  assert.deepEqual(got, {
    id: "c",
    x: 1,
    object: "chat.completion.chunk",
    choices: [
      {
        index: 0,
        y: 2,
        delta: { role: "assistant", z: 3, tool_calls: [{ index: 0, type: "function", id: "i", w: 4 }] },
      },
    ],
  });
});

test("what comes in is not changed", () => {
  const first = chunk({ tool_calls: [{ id: "i", function: { name: "f", arguments: "" } }] });
  const copy = structuredClone(first);
  normalizer()(first);
  assert.deepEqual(first, copy);
});

test("tool calls without an index are numbered by their ids", () => {
  assert.deepEqual(indexes([[{ id: "a" }], [{ id: "b" }], [{ id: "a" }], [{ id: "c" }], [{ id: "b" }]]), [
    [0],
    [1],
    [0],
    [2],
    [1],
  ]);
  assert.deepEqual(
    indexes([
      [{ id: "a" }, { id: "b" }],
      [{ id: "b" }, { id: "a" }],
    ]),
    [
      [0, 1],
      [1, 0],
    ],
  );
});

test("a piece without index and id goes on with the last call", () => {
  assert.deepEqual(indexes([[{ id: "a" }], [{}], [{ id: "b" }], [{}], [{}]]), [[0], [0], [1], [1], [1]]);
  assert.deepEqual(indexes([[{}]]), [[0]]);
});

test("calls with and without an index do not mix", () => {
  assert.deepEqual(indexes([[{ index: 3, id: "a" }], [{ id: "b" }], [{ id: "a" }], [{}]]), [[3], [4], [3], [3]]);
});

test("many calls without an index are each found at once", () => {
  const calls = Array.from({ length: 50_000 }, (_, at) => ({ id: `c${at}` }));
  const { user } = process.cpuUsage();
  assert.deepEqual(indexes([calls, calls])[1], [...calls.keys()]);
  assert.ok(process.cpuUsage().user - user < 2_000_000);
});

test("two calls of one delta are two calls, also without index and id", () => {
  const calls = [{ function: { name: "f", arguments: "{}" } }, { function: { name: "g", arguments: "{}" } }];
  assert.deepEqual(indexes([calls]), [[0, 1]]);
  assert.deepEqual(indexes([calls.map((call) => ({ ...call, id: "" }))]), [[0, 1]]);
});

test("the calls of one choice do not count in another", () => {
  const normalize = normalizer();
  const index = (delta: Delta, choice: number): unknown =>
    normalize(chunk(delta, choice)).choices[0]?.delta.tool_calls?.[0]?.index;
  assert.equal(index({ tool_calls: [{ id: "a" }] }, 0), 0);
  assert.equal(index({ tool_calls: [{ id: "b" }] }, 1), 0);
});

test("the first piece of a call gets its type, and only the first", () => {
  const normalize = normalizer();
  const types = [{ index: 0, id: "a" }, { index: 0 }, { index: 1, id: "b", type: "custom" }, { index: 1 }].map(
    (call) => normalize(chunk({ tool_calls: [call] })).choices[0]?.delta.tool_calls?.[0]?.type,
  );
  assert.deepEqual(types, ["function", undefined, "custom", undefined]);
});

test("a field that is null is one that is left out", () => {
  // As some services write them; the types know only what OpenAI's do.
  const nulls = chunk({ role: null, tool_calls: [{ index: null, type: null, id: "a" }] } as unknown as Delta);
  const delta = normalizer()(nulls).choices[0]?.delta;
  assert.equal(delta?.role, "assistant");
  assert.equal(delta?.tool_calls?.[0]?.index, 0);
  assert.equal(delta?.tool_calls?.[0]?.type, "function");
});

test("a delta whose tool calls are null is like one without", () => {
  const normalize = normalizer();
  // As some services write it; the types know only what OpenAI's do.
  const nulls = (): ChatChunk => chunk({ role: "assistant", content: "a", tool_calls: null } as unknown as Delta);
  for (const each of [nulls(), nulls()]) assert.equal(normalize(each), each);
});

function indexes(deltas: readonly (readonly ToolCall[])[]): unknown[] {
  const normalize = normalizer();
  return deltas.map((tool_calls) =>
    normalize(chunk({ tool_calls })).choices[0]?.delta.tool_calls?.map(({ index }) => index),
  );
}
