import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatBody, ChatMessage, Delta, Usage } from "./chat.ts";
import { collect } from "./collect.ts";
import { mapChunks } from "./reply.ts";
import { chat, chunksOf, scripted } from "./testing.ts";
import { chunkTokens, estimateTokens, tokensOf } from "./tokens.ts";

/** What frames a message, and what stands for a picture, a file or a sound. */
const [FRAME, ATTACHMENT] = [4, 1000];
const PICTURE = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(100_000)}` } };

test("four bytes of text are a token, and each message is some more", () => {
  assert.equal(prompt("12345678"), FRAME + 2);
  assert.equal(prompt("123456789"), FRAME + 3);
  assert.equal(prompt(""), FRAME);
  assert.equal(estimateTokens(chat({ messages: [user("1234"), user("5678")] })), 2 * FRAME + 2);
  assert.equal(estimateTokens(chat({ messages: [] })), 0);
});

test("bytes are counted over all messages, and not rounded for each", () => {
  assert.equal(estimateTokens(chat({ messages: Array.from({ length: 4 }, () => user("1")) })), 4 * FRAME + 1);
});

test("text beyond ASCII counts by its bytes in UTF-8", () => {
  assert.equal(prompt("éé"), FRAME + 1);
  assert.equal(prompt("日本語日"), FRAME + 3);
  assert.equal(prompt("😀😀"), FRAME + 2);
  // Half of a pair is three bytes, as what replaces it.
  assert.equal(prompt("\ud83d"), FRAME + 1);
});

test("text in parts counts as text, and every other part as an attachment", () => {
  const text = (text: string) => ({ type: "text", text });
  assert.equal(prompt([text("1234"), text("5678")]), FRAME + 2);
  assert.equal(prompt([text("1234"), PICTURE]), FRAME + 1 + ATTACHMENT);
  assert.equal(prompt([PICTURE, { type: "input_audio" }, { type: "file" }]), FRAME + 3 * ATTACHMENT);
  assert.equal(prompt([text("")]), FRAME);
  assert.equal(prompt(null), FRAME);
});

test("tool calls count by their names and arguments", () => {
  const call = { id: "call_1", type: "function", function: { name: "name", arguments: '{"a":1}9' } };
  const message: ChatMessage = { role: "assistant", tool_calls: [call, call] };
  assert.equal(
    estimateTokens(chat({ messages: [message] })),
    FRAME + Math.ceil(JSON.stringify(message.tool_calls).length / 4),
  );
  assert.equal(estimateTokens(chat({ messages: [{ role: "assistant", tool_calls: null }] })), FRAME);
});

test("tools and a schema of the answer count by their JSON", () => {
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
  const schema = { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } };
  const more = (body: Partial<ChatBody>): number => estimateTokens(chat({ ...body, messages: [] }));
  assert.equal(more({ tools }), Math.ceil(JSON.stringify(tools).length / 4));
  assert.equal(more({ response_format: schema }), Math.ceil(JSON.stringify(schema).length / 4));
  assert.equal(more({ tools: null, response_format: null }), 0);
});

test("text counts wherever it is in the body, and the data of attachments does not", () => {
  const text = "x".repeat(4000);
  const inBody = [{ system: text }, { documents: [{ text }] }, { prediction: { type: "content", content: text } }];
  for (const body of inBody) assert.ok(estimateTokens(chat({ ...body, messages: [] })) >= 1000);
  const inMessage = [{ name: text }, { function_call: { name: "f", arguments: text } }, { reasoning_content: text }];
  for (const fields of inMessage) {
    const message: ChatMessage = { role: "assistant", content: "", ...fields };
    assert.ok(estimateTokens(chat({ messages: [message] })) >= 1000, Object.keys(fields).join());
  }
  const file = { type: "file", text: "a", file: { file_data: text.repeat(1000) } };
  const counted = estimateTokens(chat({ messages: [{ role: "user", content: [file] }] }));
  assert.ok(counted >= 1000 && counted < 1100, String(counted));
});

test("what is large counts as much as it is", () => {
  assert.equal(prompt("a".repeat(4_000_000)), FRAME + 1_000_000);
});

test("the tokens of a chunk are those of all that it shows, in parts of one", () => {
  assert.equal(chunk({ content: "12" }), 0.5);
  assert.equal(chunk({ content: "é😀" }), 1.5);
  assert.equal(chunk({ refusal: "1234" }), 1);
  assert.equal(chunk({ reasoning: "1234", content: "1234" }), 2);
  assert.equal(chunk({ reasoning_content: "12345678" }), 2);
  assert.equal(chunk({ content: [{ type: "text", text: "1234" }, PICTURE] }), 1);
  assert.equal(chunk({ tool_calls: [{ index: 0, function: { name: "ab", arguments: "{}" } }, { index: 1 }] }), 1);
  assert.equal(chunk({ role: "assistant", content: null }), 0);
  assert.equal(chunk({}), 0);
  assert.equal(chunk({ content: "1234" }, { content: "5678" }), 2);
  assert.equal(chunkTokens({ choices: [], usage: { total_tokens: 5 } }), 0);
});

test("an answer counts the same in one piece and in many", () => {
  const text = "It was a dark and stormy night.";
  const sum = (pieces: readonly string[]): number =>
    chunksOf(...pieces).reduce((tokens, piece) => tokens + chunkTokens(piece), 0);
  assert.equal(sum([text]), 31 / 4);
  assert.equal(sum([...text]), 31 / 4);
});

const STRANGE: Readonly<Record<string, Delta>> = {
  "arguments that are an object": strange({ tool_calls: [{ index: 0, function: { name: "a", arguments: { b: 1 } } }] }),
  "a name that is null": strange({ tool_calls: [{ index: 0, function: { name: null, arguments: "{}" } }] }),
  "a name that is a number": strange({ tool_calls: [{ index: 0, function: { name: 5 } }] }),
  "a function that is null": strange({ tool_calls: [{ index: 0, function: null }] }),
  "a function that is a text": strange({ tool_calls: [{ index: 0, function: "weather" }] }),
  "reasoning that is an object": strange({ reasoning: { text: "hm" }, reasoning_content: 5 }),
};

test("text beside calls that are no list is counted", () => {
  for (const tool_calls of [{}, "weather", [null]]) {
    assert.equal(chunk({ content: "x".repeat(400), ...strange({ tool_calls }) }), chunk({ content: "x".repeat(400) }));
  }
});

for (const [what, delta] of Object.entries(STRANGE)) {
  test(`an answer with ${what}, as some services send it, can be counted`, async () => {
    const tokens = chunk(delta);
    assert.ok(tokens >= 0, String(tokens));
    const [first] = chunksOf();
    const reply = await scripted([{ ...first, choices: [{ index: 0, delta }] }, ...chunksOf("a").slice(1)])(chat());
    const counted = mapChunks(reply, (piece) => {
      assert.ok(chunkTokens(piece) >= 0);
      return piece;
    });
    assert.equal((await collect(counted)).choices.length, 1);
  });
}

const SAID: readonly (readonly [usage: Usage | undefined, tokens: number])[] = [
  [{ total_tokens: 12 }, 12],
  [{ prompt_tokens: 5, completion_tokens: 7, total_tokens: 13 }, 13],
  [{ prompt_tokens: 5, completion_tokens: 7 }, 12],
  [{ prompt_tokens: 5 }, 5],
  [{ completion_tokens: 7 }, 7],
  [{ total_tokens: 0 }, 0],
  [{ total_tokens: 1e7 }, 1e7],
];

test("the usage that a provider reports is its total, or the sum of both sides", () => {
  for (const [usage, tokens] of SAID) assert.equal(tokensOf(usage), tokens, JSON.stringify(usage));
});

test("a provider that says nothing of tokens has said nothing", () => {
  assert.equal(tokensOf(undefined), undefined);
  for (const usage of [{}, { cost: 0.1 }, { input_tokens: 5, output_tokens: 7 }]) {
    assert.equal(tokensOf(usage), undefined, JSON.stringify(usage));
  }
});

test("usage that is nonsense is as good as none", () => {
  const nonsense: readonly unknown[] = [
    "12",
    "",
    Number.NaN,
    -1,
    1.5,
    1e13,
    Number.POSITIVE_INFINITY,
    true,
    [],
    {},
    12n,
  ];
  for (const value of nonsense) {
    // What providers send, whatever the types say.
    assert.equal(tokensOf({ total_tokens: value } as Usage), undefined, String(value));
    assert.equal(tokensOf({ prompt_tokens: value, completion_tokens: 7 } as Usage), undefined, String(value));
  }
  assert.equal(tokensOf({ prompt_tokens: -5, completion_tokens: 7 }), undefined);
});

test("fields of usage that are null say nothing", () => {
  // What providers send, whatever the types say.
  const usage = { prompt_tokens: 5, completion_tokens: null, total_tokens: null } as unknown as Usage;
  assert.equal(tokensOf(usage), 5);
});

/** What services send, whatever the types say. */
function strange(delta: Readonly<Record<string, unknown>>): Delta {
  return delta as Delta;
}

function user(content: ChatMessage["content"]): ChatMessage {
  return { role: "user", ...(content !== undefined && { content }) };
}

function prompt(content: ChatMessage["content"]): number {
  return estimateTokens(chat({ messages: [user(content)] }));
}

function chunk(...deltas: readonly Delta[]): number {
  return chunkTokens({ choices: deltas.map((delta, index) => ({ index, delta })) });
}
