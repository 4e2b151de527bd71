import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatChunk, collect, compose, type Delta, type ToolCall } from "@gatewright/core";
import { chat, chunksOf, scripted } from "@gatewright/core/testing";
import { jsonRepair } from "./json-repair.ts";
import { postProcess } from "./post-process.ts";
import type { PostProcessStep, StepRun } from "./step.ts";

const tools = [{ type: "function", function: { name: "f" } }];

// Some of these are what services write whatever the types say.
function chunk(delta: object, finish_reason: string | null = null, facts: object = {}): ChatChunk {
  return { id: "c", choices: [{ index: 0, delta: delta as Delta, finish_reason, ...facts }] };
}

async function choiceOf(chunks: readonly ChatChunk[], body: object = { tools }, steps = [jsonRepair()]) {
  const configured = steps.map(({ type }) => type);
  const reply = await compose([postProcess({ steps, configured })], scripted(chunks))(chat(body));
  const [choice] = (await collect(reply)).choices;
  return choice;
}

async function sent(chunks: readonly ChatChunk[], body: object = { tools }): Promise<ChatChunk[]> {
  const reply = await compose([postProcess({ configured: ["json-repair"] })], scripted(chunks))(chat(body));
  const got: ChatChunk[] = [];
  for await (const each of reply.chunks) got.push(each);
  return got;
}

const called = (name: string, id?: string, index?: number) => (text: unknown) => ({
  ...(index !== undefined && { index }),
  ...(id !== undefined && { id, type: "function" }),
  function: { ...(id !== undefined && { name }), arguments: text },
});
const argumentsOf = (calls: readonly ToolCall[] | null | undefined): unknown =>
  calls?.map((call) => call.function?.arguments ?? call.custom);

test("a call of another kind counts where calls have no index", async () => {
  const custom = { id: "c0", type: "custom", custom: { name: "x", input: "hi" } };
  const whole = chunk({ role: "assistant", tool_calls: [custom, called("f", "f1")("{'a':1")] }, "tool_calls");
  assert.deepEqual(argumentsOf((await choiceOf([whole]))?.message.tool_calls), [custom.custom, '{"a":1}']);
  const streamed = [
    chunk({ role: "assistant", tool_calls: [custom] }),
    chunk({ tool_calls: [called("f", "f1")("{'a'")] }),
    chunk({ tool_calls: [called("f")(":1")] }),
    chunk({}, "tool_calls"),
  ];
  assert.deepEqual(argumentsOf((await choiceOf(streamed))?.message.tool_calls), [custom.custom, '{"a":1}']);
});

test("a piece without an index goes on with the last call", async () => {
  const chunks = [
    chunk({ role: "assistant", tool_calls: [called("f", "a", 0)('{"a":'), called("g", "b", 1)('{"b":')] }),
    chunk({ tool_calls: [called("f", undefined, 0)("1")] }),
    chunk({ tool_calls: [called("f")("}")] }),
    chunk({ tool_calls: [called("g", undefined, 1)("2")] }),
  ];
  for (const end of [[chunk({}, "tool_calls")], [chunk({ tool_calls: [called("g")(",}")] }, "tool_calls")]]) {
    const choice = await choiceOf([...chunks, ...end]);
    assert.deepEqual(argumentsOf(choice?.message.tool_calls), ['{"a":1}', '{"b":2}']);
  }
});

test("the rest of a call comes behind its last piece, and before the pieces of the end come those of other calls", async () => {
  const chunks = [
    chunk({ role: "assistant", tool_calls: [called("f", "a", 0)("{a:1"), called("g", "b", 1)("{b:")] }),
    chunk({ tool_calls: [called("g")("[2"), called("g")(", 3")] }, "tool_calls"),
  ];
  assert.deepEqual(argumentsOf((await choiceOf(chunks))?.message.tool_calls), ['{"a":1}', '{"b":[2, 3]}']);
});

test("arguments and content that are parsed already are written as JSON", async () => {
  const calls = [called("f", "a")({ a: 1 }), called("f", "b")(null), called("f", "c")(["x"])];
  const choice = await choiceOf([chunk({ role: "assistant", content: null, tool_calls: calls }, "tool_calls")]);
  assert.deepEqual(argumentsOf(choice?.message.tool_calls), ['{"a":1}', "{}", '["x"]']);
  const content = await choiceOf([chunk({ role: "assistant", content: { a: 1 } }, "stop")], {});
  assert.equal(content?.message.content, '{"a":1}');
});

test("many calls take no longer for each than a few, and too many are refused", async () => {
  const answer = (count: number) =>
    choiceOf([chunk({ tool_calls: Array.from({ length: count }, (_, at) => called("f", `c${at}`)("{a:1")) }, "stop")]);
  assert.equal((await answer(1000))?.message.tool_calls?.length, 1000);
  await assert.rejects(answer(16_000), { code: "llm.output.invalid_json", message: /more than 1024 texts/ });
});

test("a refusal behind an answer that has begun is one that breaks it off; else all passes as it is", async () => {
  const begun = [
    chunk({ role: "assistant", content: 'Sure {"a": [1, 2' }),
    chunk({ refusal: "No." }),
    chunk({}, "stop"),
  ];
  await assert.rejects(choiceOf(begun, {}), { code: "llm.output.invalid_json", message: /cut off/ });
  const held = [chunk({ role: "assistant", content: "Sure, " }), chunk({ refusal: "No." }), chunk({}, "stop")];
  const choice = await choiceOf(held, {});
  assert.deepEqual([choice?.message.content, choice?.message.refusal], ["Sure, ", "No."]);
});

test("content that only looks like JSON is left alone where a tool is called before any of it was given out", async () => {
  const call = chunk({ tool_calls: [called("f", "a")("{}")] }, "tool_calls");
  for (const said of ["`f` is what I call", "[Looking up…] one moment", "``", "~", "```\nno\n```", "[x] done"]) {
    for (const pieces of [[said], [...said]]) {
      const told = pieces.map((content) => chunk({ role: "assistant", content }));
      assert.equal((await choiceOf([...told, call]))?.message.content, said);
    }
  }
  const legacy = [
    chunk({ content: "Let me see." }),
    chunk({ function_call: { name: "f", arguments: "{}" } }, "function_call"),
  ];
  assert.equal((await choiceOf(legacy, { functions: [{ name: "f" }] }))?.message.content, "Let me see.");
  assert.equal((await choiceOf([chunk({ content: "```\n{a: 1}\n```" }, "stop")]))?.message.content, '{"a": 1}');
});

test("a chunk whose text is held back is sent where it carries more", async () => {
  const facts = { content_filter_results: { hate: { filtered: false } } };
  const chunks = [
    chunk({ content: "Sure " }, null, facts),
    { ...chunk({ content: "it " }), citations: ["u"] },
    { ...chunk({ content: "is " }), system_fingerprint: "fp" },
    chunk({ content: "{a:1}" }),
    chunk({}, "stop"),
  ];
  const got = await sent(chunks, {});
  assert.equal(got.length, 4);
  assert.partialDeepStrictEqual(got, [{ choices: [facts] }, { citations: ["u"] }]);
});

test("parts that are thoughts are no content", async () => {
  const thought = { type: "thinking", text: "Let me {think}" };
  const choice = await choiceOf([chunk({ content: [thought, { type: "text", text: "{a:1}" }] }, "stop")], {});
  assert.deepEqual(choice?.message.content, [thought, { type: "text", text: '{"a":1}' }]);
});

test("an index that is none is not told", async () => {
  const odd = {
    ...chunk({ content: "no" }, "stop"),
    choices: [{ index: "sk-abc", delta: { content: "no" }, finish_reason: "stop" }],
  };
  // What an upstream may write.
  await assert.rejects(choiceOf([odd as unknown as ChatChunk], {}), { message: /^choices\[\?\]\.message\.content is/ });
});

test("a source that cannot be let go does not hide the failure", async () => {
  for (const letGo of [
    () => {
      throw new Error("not now");
    },
    () => undefined,
  ]) {
    const said = chunksOf('{"a": f(1)}', "x").values();
    const source = { next: async () => said.next(), return: letGo };
    const chunks = { [Symbol.asyncIterator]: () => source } as unknown as AsyncIterable<ChatChunk>;
    const pipeline = compose(
      [postProcess({ configured: ["json-repair"] })],
      async () => ({ headers: {}, chunks }) as never,
    );
    await assert.rejects(async () => collect(await pipeline(chat())), { code: "llm.output.invalid_json" });
  }
});

const RUNS: readonly (readonly [what: string, run: unknown, message: RegExp])[] = [
  ["no run", undefined, /The step own must begin a run/],
  ["a push without an answer", { push() {}, end: () => ({}) }, /The step own must answer push with a text/],
  ["a push that is not done", { push: async () => "", end: () => ({}) }, /must answer push with a text at once/],
  ["an end without an answer", { push: String, end() {} }, /must answer end with a verdict/],
  [
    "an unknown verdict",
    { push: String, end: () => ({ verdict: "great", text: "", fixes: [] }) },
    /with a verdict: valid,/,
  ],
  [
    "an end without a text",
    { push: String, end: () => ({ verdict: "valid", fixes: [] }) },
    /must answer end with a text/,
  ],
];

for (const [what, run, message] of RUNS) {
  test(`a step with ${what} is a TypeError that names it`, async () => {
    const step: PostProcessStep = { type: "own", begin: () => run as StepRun };
    await assert.rejects(choiceOf(chunksOf("[1]"), {}, [step]), (error) => {
      assert.match(String(error instanceof Error && error.cause ? error.cause : error), message);
      return true;
    });
  });
}

test("a step's reason is told without credentials, and not at any length", async () => {
  const run: StepRun = {
    push: String,
    end: () => ({ verdict: "unrepairable", text: "", fixes: [], reason: `sk-abcdefgh1234 ${"x".repeat(9000)}` }),
  };
  await assert.rejects(choiceOf(chunksOf("[1]"), {}, [{ type: "own", begin: () => run }]), (error) => {
    assert.ok(error instanceof Error);
    assert.doesNotMatch(error.message, /abcdefgh/);
    assert.ok(error.message.length < 400);
    return true;
  });
});
