import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "./begin.ts";
import type { ChatChunk, ChatCompletion, ChatReply, ChunkChoice, Delta } from "./chat.ts";
import { collect } from "./collect.ts";
import { GatewayError } from "./error.ts";
import { parseJson } from "./json.ts";
import { textReply } from "./reply.ts";
import { chat, chunksOf, scripted } from "./testing.ts";

const chunk = (delta: Delta, more: Partial<ChunkChoice> = {}): ChatChunk => ({
  id: "c",
  object: "chat.completion.chunk",
  created: 1,
  model: "m",
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});
const stop = chunk({}, { finish_reason: "stop" });

test("a reply whose chunks a layer has read already is no completion", async () => {
  const reply = await begin(await scripted("a")(chat()));
  for await (const _ of reply.chunks);
  await assert.rejects(collect(reply), { code: "llm.stream.interrupted" });
});

test("a reply of one chunk gives back the completion it was made from, field for field", async () => {
  const text = `{"id":"x","object":"chat.completion","created":7,"model":"m","system_fingerprint":"f","service_tier":null,
    "choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null,"annotations":[],"x":{"y":9007199254740993},
      "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},
      "logprobs":{"content":[{"token":"Hi","logprob":-0.0,"bytes":null,"top_logprobs":[]}],"refusal":null},
      "finish_reason":"tool_calls","native_finish_reason":"toolUse"},
      {"index":1,"message":{"role":"assistant","content":null},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0}},"obfuscation":"x"}`;
  const completion = parseJson(text) as ChatCompletion;
  const choices = completion.choices.map(({ message, ...choice }) => ({ ...choice, delta: message }));
  const got = await collect(replyOf([{ ...completion, object: "chat.completion.chunk", choices }]));
  assert.deepEqual(got, completion);
  assert.deepEqual(sorted(JSON.stringify(got)), sorted(JSON.stringify(completion)));
  assert.ok(JSON.stringify(got).includes('"y":9007199254740993') && JSON.stringify(got).includes('"logprob":-0.0'));
});

test("the pieces of a text are joined, in order", async () => {
  assert.deepEqual(await collect(replyOf(chunksOf("Hel", "lo", " ", "you"))), {
    id: "chatcmpl-scripted",
    object: "chat.completion",
    created: 0,
    model: "test-model",
    choices: [{ index: 0, message: { role: "assistant", content: "Hello you" }, finish_reason: "stop" }],
  });
});

test("a text reply collects to its text", async () => {
  const completion = await collect(textReply("Hello", { model: "m" }));
  assert.equal(completion.object, "chat.completion");
  assert.deepEqual(completion.choices, [
    { index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" },
  ]);
});

test("an answer without a text has null as its content", async () => {
  const calls = [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } }];
  const message = await messageOf([chunk({ role: "assistant", tool_calls: calls }), stop]);
  assert.equal(message?.content, null);
  assert.equal((await messageOf([chunk({ refusal: "no" }), stop]))?.role, "assistant");
});

test("the pieces of tool calls are joined by their index, and ordered by it", async () => {
  const message = await messageOf([
    chunk({ role: "assistant", content: null }),
    chunk({ tool_calls: [{ index: 1, id: "b", type: "function", function: { name: "g", arguments: "" } }] }),
    chunk({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: '{"x"' } }] }),
    chunk({ tool_calls: [{ index: 1, function: { arguments: "{}" } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: ":1" } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: "}" } }] }),
    stop,
  ]);
  assert.deepEqual(message?.tool_calls, [
    { id: "a", type: "function", function: { name: "f", arguments: '{"x":1}' } },
    { id: "b", type: "function", function: { name: "g", arguments: "{}" } },
  ]);
});

test("ten tool calls and more are ordered by number", async () => {
  const calls = Array.from({ length: 12 }, (_, index) => chunk({ tool_calls: [{ index, id: `c${index}` }] }));
  const message = await messageOf([...calls.toReversed(), stop]);
  assert.deepEqual(
    message?.tool_calls?.map(({ id }) => id),
    Array.from({ length: 12 }, (_, index) => `c${index}`),
  );
});

test("several tool calls in one delta are several", async () => {
  const message = await messageOf([
    chunk({
      tool_calls: [
        { index: 0, id: "a", function: { name: "f", arguments: "{" } },
        { index: 1, id: "b", function: { name: "g", arguments: "[" } },
      ],
    }),
    chunk({
      tool_calls: [
        { index: 0, function: { arguments: "}" } },
        { index: 1, function: { arguments: "]" } },
      ],
    }),
    stop,
  ]);
  assert.deepEqual(
    message?.tool_calls?.map((call) => call.function),
    [
      { name: "f", arguments: "{}" },
      { name: "g", arguments: "[]" },
    ],
  );
});

test("tool calls without an index are told apart by their ids", async () => {
  const message = await messageOf([
    chunk({ tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{" } }] }),
    chunk({ tool_calls: [{ function: { arguments: "}" } }] }),
    chunk({ tool_calls: [{ id: "b", type: "function", function: { name: "g", arguments: "[" } }] }),
    chunk({ tool_calls: [{ id: "b", function: { arguments: "]" } }] }),
    stop,
  ]);
  assert.deepEqual(message?.tool_calls, [
    { id: "a", type: "function", function: { name: "f", arguments: "{}" } },
    { id: "b", type: "function", function: { name: "g", arguments: "[]" } },
  ]);
});

test("names, ids, types and roles that are sent again are not joined", async () => {
  const call = (piece: string): ChatChunk =>
    chunk({
      role: "assistant",
      tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: piece } }],
    });
  const message = await messageOf([call("{"), call("}"), stop]);
  assert.deepEqual(message, {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
  });
});

test("names, ids, types and roles that are empty later on stay what they were", async () => {
  const { choices, ...rest } = await collect(
    replyOf([
      chunk({
        role: "assistant",
        tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{" } }],
      }),
      chunk({ role: "", tool_calls: [{ index: 0, id: "", type: "", function: { name: "", arguments: "}" } }] }),
      { ...stop, id: "", model: "" },
    ]),
  );
  assert.deepEqual(choices[0]?.message, {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }],
  });
  assert.deepEqual([rest.id, rest.model], ["c", "m"]);
});

test("every choice is joined for itself, and they are ordered by index", async () => {
  const completion = await collect(
    replyOf([
      chunk({ role: "assistant", content: "b" }, { index: 1 }),
      chunk({ role: "assistant", content: "a" }, { index: 0 }),
      {
        choices: [
          { index: 0, delta: { content: "A" }, finish_reason: "length" },
          { index: 1, delta: { content: "B" } },
        ],
      },
      chunk({}, { index: 1, finish_reason: "stop" }),
    ]),
  );
  assert.deepEqual(completion.choices, [
    { index: 0, message: { role: "assistant", content: "aA" }, finish_reason: "length" },
    { index: 1, message: { role: "assistant", content: "bB" }, finish_reason: "stop" },
  ]);
});

test("reasoning and refusals are texts as well", async () => {
  const message = await messageOf([
    chunk({ role: "assistant", content: "", reasoning_content: "Let " }),
    chunk({ content: null, reasoning_content: "me see", refusal: null }),
    chunk({ refusal: "I can" }),
    chunk({ refusal: "not", reasoning_content: null }),
    stop,
  ]);
  assert.deepEqual(message, {
    role: "assistant",
    content: "",
    reasoning_content: "Let me see",
    refusal: "I cannot",
  });
});

test("objects in a delta are joined field by field", async () => {
  const message = await messageOf([
    chunk({ audio: { id: "a", transcript: "Hel", data: "AA" } }),
    chunk({ audio: { transcript: "lo", data: "BB", expires_at: 7 } }),
    stop,
  ]);
  assert.deepEqual(message?.audio, { id: "a", transcript: "Hello", data: "AABB", expires_at: 7 });
});

test("log probabilities follow each other, for texts and for refusals", async () => {
  const token = (text: string): object => ({ token: text, logprob: -0.5, bytes: [97], top_logprobs: [] });
  const { choices } = await collect(
    replyOf([
      chunk({ content: "" }, { logprobs: null }),
      chunk({ content: "a" }, { logprobs: { content: [token("a")], refusal: null } }),
      chunk({ content: "bc" }, { logprobs: { content: [token("b"), token("c")], refusal: null } }),
      chunk({}, { finish_reason: "stop", logprobs: null }),
    ]),
  );
  assert.deepEqual(choices[0]?.logprobs, { content: [token("a"), token("b"), token("c")], refusal: null });
});

test("exact numbers stay exact, wherever in a chunk they are", async () => {
  const big = "9007199254740993";
  const stream = [
    `{"exact":${big},"choices":[{"index":0,"exact":${big},"delta":{"content":"a","exact":${big},"audio":{"exact":${big}}},
      "logprobs":{"content":[{"token":"a","logprob":-0.0}]}}]}`,
    `{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop","logprobs":{"content":[{"token":"b","logprob":-0.0}]}}]}`,
  ];
  const text = JSON.stringify(await collect(replyOf(stream.map((each) => parseJson(each) as ChatChunk))));
  assert.equal(text.split(`"exact":${big}`).length - 1, 4, text);
  assert.equal(text.split('"logprob":-0.0').length - 1, 2, text);
});

test("content in parts follows each other, and a text between parts is a part", async () => {
  const message = await messageOf([
    chunk({ content: "see " }),
    chunk({ content: [{ type: "image_url", image_url: { url: "u" } }] }),
    chunk({ content: "there" }),
    chunk({ content: [{ type: "text", text: "!" }] }),
    stop,
  ]);
  assert.deepEqual(message?.content, [
    { type: "text", text: "see " },
    { type: "image_url", image_url: { url: "u" } },
    { type: "text", text: "there" },
    { type: "text", text: "!" },
  ]);
});

test("usage is taken from wherever it comes last", async () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const chunks = chunksOf("a").map((each) => ({ ...each, usage: null }));
  const completion = await collect(replyOf([...chunks, { choices: [], usage }]));
  assert.deepEqual(completion.usage, usage);
  const first = await collect(replyOf([{ choices: [], usage: { total_tokens: 1 } }, ...chunks]));
  assert.deepEqual(first.usage, { total_tokens: 1 });
});

test("padding of a stream is no part of a completion", async () => {
  const completion = await collect(replyOf(chunksOf("a").map((each) => ({ ...each, obfuscation: "xyz" }))));
  assert.equal(Object.hasOwn(completion, "obfuscation"), false);
});

test("fields of the chunks and of the choices are kept, the last that is not null", async () => {
  const { choices, ...rest } = await collect(
    replyOf([
      { ...chunk({ content: "a" }, { native_finish_reason: null }), system_fingerprint: "f", service_tier: null },
      { ...chunk({}, { finish_reason: "stop", native_finish_reason: "END" }), system_fingerprint: null, x: { y: 1 } },
      { choices: [], x: { z: 2 } },
    ]),
  );
  assert.equal(rest.system_fingerprint, "f");
  assert.equal(rest.service_tier, null);
  assert.deepEqual(rest.x, { z: 2 });
  assert.equal(choices[0]?.native_finish_reason, "END");
  assert.equal(choices[0]?.finish_reason, "stop");
});

test("the chunks that are collected are not changed", async () => {
  const chunks = [
    chunk(
      { content: [{ type: "text", text: "a" }], audio: { transcript: "x" } },
      { logprobs: { content: [{ token: "a" }] } },
    ),
    chunk({
      content: "b",
      audio: { transcript: "y" },
      tool_calls: [{ index: 0, id: "i", function: { arguments: "{" } }],
    }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: "}" } }] }, { logprobs: { content: [{ token: "b" }] } }),
    stop,
  ];
  const copy = structuredClone(chunks);
  await collect(replyOf(chunks));
  assert.deepEqual(chunks, copy);
});

test("a key __proto__ anywhere in a stream changes no prototype", async () => {
  const hostile = [
    '{"choices":[{"index":0,"delta":{"content":"a","__proto__":{"polluted":1},"x":{"__proto__":{"polluted":1}}}}]}',
    '{"choices":[{"index":0,"delta":{},"__proto__":{"polluted":1},"logprobs":{"__proto__":{"polluted":1}}}]}',
    '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"__proto__":{"polluted":1}}]}}],"__proto__":{"polluted":1}}',
  ];
  try {
    const completion = await collect(replyOf([...hostile.map((each) => parseJson(each) as ChatChunk), stop]));
    const message = completion.choices[0]?.message;
    for (const each of [{}, completion, completion.choices[0], message, message?.x, message?.tool_calls?.[0]]) {
      assert.equal(Reflect.get(Object(each), "polluted"), undefined);
    }
  } finally {
    Reflect.deleteProperty(Object.prototype, "polluted");
  }
});

test("a cut stream is never a completion", async () => {
  await assert.rejects(collect(replyOf(chunksOf("a").slice(0, 2))), {
    code: "llm.stream.interrupted",
    phase: "during",
  });
  await assert.rejects(collect(replyOf([])), { code: "llm.stream.interrupted", phase: "before" });
  const failure = new GatewayError("llm.timeout.idle", "silent");
  const handler = scripted([...chunksOf("a").slice(0, 2), failure]);
  await assert.rejects(collect(await handler(chat())), { code: "llm.timeout.idle" });
  assert.equal(handler.open, 0);
});

test("a completion of a thousand pieces a choice is made in a moment", async () => {
  const pieces = Array.from({ length: 20_000 }, (_, at) => chunk({ content: "x" }, { index: at % 2 }));
  const ends = [0, 1].map((index) => chunk({}, { index, finish_reason: "stop" }));
  const startedAt = performance.now();
  const { choices } = await collect(replyOf([...pieces, ...ends]));
  assert.deepEqual(
    choices.map(({ message }) => message.content?.length),
    [10_000, 10_000],
  );
  assert.ok(performance.now() - startedAt < 5000);
});

function replyOf(chunks: readonly ChatChunk[]): ChatReply {
  return {
    headers: {},
    chunks: (async function* () {
      yield* chunks;
    })(),
  };
}

async function messageOf(chunks: readonly ChatChunk[]): Promise<Delta | undefined> {
  return (await collect(replyOf(chunks))).choices[0]?.message;
}

/** The characters of a JSON text, so that two can be compared but for the order of their fields. */
function sorted(text: string): string {
  return [...text].sort().join("");
}
