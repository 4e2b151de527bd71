import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ChatChunk,
  type ChatReply,
  type ChunkIterator,
  collect,
  compose,
  type Delta,
  GatewayError,
} from "@gatewright/core";
import { chat, chunksOf, type Outcome, scripted } from "@gatewright/core/testing";
import { jsonRepair } from "./json-repair.ts";
import { type PostProcessOptions, postProcess } from "./post-process.ts";
import type { PostProcessStep, StepVerdict } from "./step.ts";

const asked = { post_processing_steps: [{ type: "json-repair" }] };
const tools = [{ type: "function", function: { name: "f" } }];
const MESSY = ["Sure:\n``", "`json\n{'na", "me': 'An", "n', ok: Tr", "ue,}\n`", "``\nBye."];
const CLEAN = '{"name": "Ann", "ok": true}';

function chunk(delta: Delta, finish_reason: string | null = null, index = 0): ChatChunk {
  return {
    id: "c",
    object: "chat.completion.chunk",
    created: 0,
    model: "m",
    choices: [{ index, delta, finish_reason }],
  };
}

function reply(outcome: Outcome, body: object = {}, options: PostProcessOptions = {}): Promise<ChatReply> {
  return compose([postProcess(options)], scripted(outcome))(chat({ ...asked, ...body }));
}

async function chunksIn(replying: Promise<ChatReply>): Promise<ChatChunk[]> {
  const { chunks } = await replying;
  const got: ChatChunk[] = [];
  for await (const chunk of chunks) got.push(chunk);
  return got;
}

/** Every chunk of one call of a tool. */
const calling = (...pieces: readonly string[]): ChatChunk[] => [
  chunk({
    role: "assistant",
    content: null,
    tool_calls: [{ index: 0, id: "t", type: "function", function: { name: "f", arguments: "" } }],
  }),
  ...pieces.map((piece) => chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
  chunk({}, "tool_calls"),
];

test("repairs a whole answer in place", async () => {
  const completion = await collect(await reply(MESSY.join("")));
  assert.equal(completion.choices[0]?.message.content, CLEAN);
  assert.deepEqual(completion.choices[0]?.post_processing, [
    {
      type: "json-repair",
      path: "choices[0].message.content",
      verdict: "repaired",
      fixes: ["prose around", "code fence", "quotes", "literal", "trailing comma"],
    },
  ]);
});

test("repairs a streamed answer, and sends what is final as it comes", async () => {
  const chunks = await chunksIn(reply(chunksOf(...MESSY), { stream: true }));
  const texts = chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "");
  assert.equal(texts.join(""), CLEAN);
  assert.ok(texts.filter((text) => text !== "").length >= 3, texts.join("|"));
  assert.deepEqual(chunks.at(-1)?.choices[0]?.finish_reason, "stop");
  assert.ok(chunks.at(-1)?.choices[0]?.post_processing);
});

test("what is left comes in a chunk of its own, before the finish and without its usage", async () => {
  const usage = { completion_tokens: 3 };
  const finish = { ...chunk({}, "stop"), usage };
  const chunks = await chunksIn(reply([chunk({ role: "assistant", content: '{"a": [1' }), finish]));
  assert.deepEqual(
    chunks.map(({ choices: [choice], usage }) => [choice?.delta, choice?.finish_reason, usage]),
    [
      [{ role: "assistant", content: '{"a": [' }, null, undefined],
      [{ content: "1]}" }, null, undefined],
      [{}, "stop", usage],
    ],
  );
});

test("valid JSON passes byte for byte, whole and in any pieces", async () => {
  const text = ' {"b": 12345678901234567890, "a": "x\\u0041, \\"", "__proto__": {}}\n';
  assert.equal((await collect(await reply(text))).choices[0]?.message.content, text);
  const completion = await collect(await reply(chunksOf(...text)));
  assert.equal(completion.choices[0]?.message.content, text);
  assert.partialDeepStrictEqual(completion.choices[0]?.post_processing, [{ verdict: "valid", fixes: [] }]);
});

test("takes the field off, and leaves an answer alone that nobody asks to repair", async () => {
  const handler = scripted("prose", "prose", "prose");
  const pipeline = compose([postProcess()], handler);
  await collect(await pipeline(chat({ post_processing_steps: [] })));
  await collect(await pipeline(chat({ post_processing_steps: null })));
  assert.equal((await collect(await pipeline(chat()))).choices[0]?.message.content, "prose");
  for (const request of handler.requests) assert.ok(!("post_processing_steps" in request));
});

const BAD: readonly (readonly [field: unknown, paths: readonly string[], message: RegExp])[] = [
  ["json-repair", ["post_processing_steps"], /must be a list of up to 8 steps/],
  [Array(9).fill({ type: "json-repair" }), ["post_processing_steps"], /up to 8/],
  [["json-repair"], ["post_processing_steps[0]"], /must be an object/],
  [[{}], ["post_processing_steps[0].type"], /must be one of json-repair/],
  [[{ type: "yaml" }], ["post_processing_steps[0].type"], /must be one of json-repair/],
  [[{ type: "json-repair" }, { type: 7 }], ["post_processing_steps[1].type"], /must be one of/],
  [[{ type: "json-repair", strict: true }], ["post_processing_steps[0].strict"], /known is type/],
];

for (const [field, paths, message] of BAD) {
  test(`refuses ${JSON.stringify(field).slice(0, 60)}`, async () => {
    await assert.rejects(reply("x", { post_processing_steps: field }), (error) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, "llm.request.invalid");
      assert.equal(error.status, 400);
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        paths,
      );
      assert.match(error.message, message);
      return true;
    });
  });
}

test("what cannot be repaired is an error that holds nothing of it; who watches is told, without secrets", async () => {
  const told: unknown[] = [];
  const onVerdict = (verdict: StepVerdict, { model }: { model: string }, raw: string | undefined): void => {
    told.push([verdict.verdict, verdict.path, model, raw]);
    throw new Error("it does not matter");
  };
  await assert.rejects(reply("My key is sk-abcdefgh1234.", {}, { onVerdict }), (error) => {
    assert.ok(error instanceof GatewayError);
    assert.deepEqual([error.code, error.status, error.phase], ["llm.output.invalid_json", 500, "after"]);
    assert.equal(
      error.message,
      "choices[0].message.content is not JSON, and json-repair cannot repair it: there is no JSON in it.",
    );
    assert.match(String(error.cause), /My key is sk-\*\*\*/);
    return true;
  });
  assert.deepEqual(told, [["unrepairable", "choices[0].message.content", "test-model", "My key is sk-***"]]);
});

test("an answer that breaks in its middle fails there, and what is below is let go", async () => {
  const handler = scripted([...chunksOf('{"a": 1, "b": ', 'f("x")', "}"), chunk({ content: "never" })]);
  const { chunks } = await compose([postProcess()], handler)(chat({ ...asked, stream: true }));
  const got: string[] = [];
  await assert.rejects(
    async () => {
      for await (const { choices } of chunks) got.push(String(choices[0]?.delta.content ?? ""));
    },
    { code: "llm.output.invalid_json", phase: "after" },
  );
  assert.equal(got.join(""), '{"a": 1');
  assert.equal(handler.open, 0);
});

test("repairs the arguments of a tool, whole and streamed, and empty ones are an empty object", async () => {
  for (const [pieces, meant] of [
    [["{'a'", ": Tru", "e,"], '{"a": true}'],
    [['{"a":1}'], '{"a":1}'],
    [[], "{}"],
    [["", " "], "{}"],
  ] as const) {
    const completion = await collect(await reply(calling(...pieces), { tools }));
    assert.equal(completion.choices[0]?.message.tool_calls?.[0]?.function?.arguments, meant);
    const call = { id: "t", type: "function", function: { name: "f", arguments: pieces.join("") } };
    const whole = await collect(
      await reply([chunk({ role: "assistant", content: null, tool_calls: [call] }, "tool_calls")]),
    );
    assert.deepEqual(whole.choices[0]?.message, {
      role: "assistant",
      content: null,
      tool_calls: [{ ...call, function: { name: "f", arguments: meant } }],
    });
  }
});

test("keeps the calls of several tools apart", async () => {
  const piece = (index: number, text: string, id?: string): ChatChunk =>
    chunk({
      tool_calls: [
        { index, ...(id && { id, type: "function" }), function: { ...(id && { name: "f" }), arguments: text } },
      ],
    });
  const chunks = [piece(0, "{a:", "x"), piece(1, "{'b'", "y"), piece(0, "1"), piece(1, ":[2"), chunk({}, "tool_calls")];
  const completion = await collect(await reply(chunks, { tools }));
  const calls = completion.choices[0]?.message.tool_calls;
  assert.deepEqual(
    calls?.map((call) => JSON.parse(call.function?.arguments ?? "")),
    [{ a: 1 }, { b: [2] }],
  );
  assert.partialDeepStrictEqual(completion.choices[0]?.post_processing, [
    { path: "choices[0].message.tool_calls[0].function.arguments" },
    { path: "choices[0].message.tool_calls[1].function.arguments" },
  ]);
});

test("keeps the choices of an answer apart", async () => {
  const chunks = [
    chunk({ role: "assistant", content: "{a:" }, null, 0),
    chunk({ role: "assistant", content: "{'b':" }, null, 1),
    chunk({ content: "1" }, null, 0),
    chunk({ content: "2,}" }, null, 1),
    chunk({}, "stop", 1),
    chunk({}, "stop", 0),
  ];
  const completion = await collect(await reply(chunks, { n: 2 }));
  assert.deepEqual(
    completion.choices.map(({ message }) => JSON.parse(String(message.content))),
    [{ a: 1 }, { b: 2 }],
  );
});

test("prose beside the calls of tools is left alone, whole and streamed; without a call it is unrepairable", async () => {
  const [first, ...rest] = calling("{}");
  const told = [
    chunk({ role: "assistant", content: "Let me " }),
    chunk({ content: "see {it}." }),
    first as ChatChunk,
    ...rest,
  ];
  const streamed = await collect(await reply(told, { tools }));
  assert.equal(streamed.choices[0]?.message.content, "Let me see {it}.");
  const call = { id: "t", type: "function", function: { name: "f", arguments: "{a:1" } };
  const whole = await collect(
    await reply([chunk({ content: "Let me see.", tool_calls: [call] }, "tool_calls")], { tools }),
  );
  assert.equal(whole.choices[0]?.message.content, "Let me see.");
  assert.equal(whole.choices[0]?.message.tool_calls?.[0]?.function?.arguments, '{"a":1}');
  await assert.rejects(reply("Let me see.", { tools }), { code: "llm.output.invalid_json" });
  assert.equal((await collect(await reply("It is {a: 1}.", { tools }))).choices[0]?.message.content, '{"a": 1}');
});

test("a refusal is left alone, and so are reasoning and an answer without any text", async () => {
  const refusal = [chunk({ role: "assistant", content: "" }), chunk({ refusal: "I will not." }), chunk({}, "stop")];
  assert.equal((await collect(await reply(refusal))).choices[0]?.message.refusal, "I will not.");
  const reasoning = [
    chunk({ role: "assistant", reasoning_content: "Hm {" }),
    chunk({ content: "{a:1}" }),
    chunk({}, "stop"),
  ];
  const thought = await collect(await reply(reasoning));
  assert.deepEqual(
    [thought.choices[0]?.message.reasoning_content, thought.choices[0]?.message.content],
    ["Hm {", '{"a":1}'],
  );
  const filtered = await collect(await reply([chunk({ role: "assistant", content: "" }, "content_filter")]));
  assert.equal(filtered.choices[0]?.message.content, "");
});

test("a content of parts is one text, and its other parts stay", async () => {
  const image = { type: "image", id: "i" };
  const parts = [{ type: "text", text: "Here: {a:" }, image, { type: "text", text: " 1" }];
  const completion = await collect(await reply([chunk({ role: "assistant", content: parts }, "stop")]));
  assert.deepEqual(completion.choices[0]?.message.content, [
    { type: "text", text: "{" },
    image,
    { type: "text", text: '"a": 1}' },
  ]);
});

test("an answer that was cut is refused, unless that is allowed or its JSON is complete", async () => {
  const cut = [chunk({ role: "assistant", content: '{"a": "hel' }), chunk({}, "length")];
  await assert.rejects(async () => collect(await reply(cut)), {
    code: "llm.output.invalid_json",
    message: /it was cut off/,
  });
  const closed = await collect(await reply(cut, {}, { steps: [jsonRepair({ truncated: true })] }));
  assert.equal(closed.choices[0]?.message.content, '{"a": "hel"}');
  assert.partialDeepStrictEqual(closed.choices[0]?.post_processing, [{ fixes: ["truncated"] }]);
  const complete = [chunk({ role: "assistant", content: '{"a": 1} and' }), chunk({}, "length")];
  assert.equal((await collect(await reply(complete))).choices[0]?.message.content, '{"a": 1}');
});

test("steps are run in order, the request's first, each once; teams bring their own", async () => {
  const shout: PostProcessStep = {
    type: "shout",
    begin: () => ({
      push: (piece) => piece.toUpperCase(),
      end: () => ({ verdict: "repaired", text: "!", fixes: ["shout"] }),
    }),
  };
  const options = { steps: [jsonRepair(), shout], configured: ["shout", "json-repair"] };
  const completion = await collect(await reply(chunksOf("{a", ": 'b'"), {}, options));
  assert.equal(completion.choices[0]?.message.content, '{"A": "B"}!');
  const unasked = compose([postProcess({ configured: ["json-repair"] })], scripted("{a:1}"));
  assert.equal((await collect(await unasked(chat()))).choices[0]?.message.content, '{"a":1}');
});

test("long prose before the JSON does not make an answer without a beginning", async () => {
  const prose = Array.from({ length: 3000 }, () => "word ");
  const chunks = await chunksIn(reply(chunksOf(...prose, "{a:1}"), { stream: true }));
  assert.ok(chunks.length < 10);
});

test("chunks that only tell of usage, or nothing, pass", async () => {
  const usage = { ...chunk({}), choices: [], usage: { total_tokens: 3 } };
  const chunks = await chunksIn(reply([...chunksOf("[1]"), usage]));
  assert.deepEqual(chunks.at(-1), usage);
});

test("what is ready at once is given at once, and a reader who leaves lets go", async () => {
  const handler = scripted(chunksOf("{a:1", "}"));
  const { chunks } = await compose([postProcess()], handler)(chat(asked));
  const iterator: ChunkIterator = chunks[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
  assert.equal(handler.open, 0);
  assert.equal(iterator.ready?.(), undefined);
  const held = await reply("{a:1}");
  const whole: ChunkIterator = held.chunks[Symbol.asyncIterator]();
  assert.equal(whole.ready?.()?.choices[0]?.delta.content, '{"a":1}');
});

test("a stream that is cut stays one that is cut", async () => {
  await assert.rejects(async () => collect(await reply(chunksOf('{"a":1').slice(0, 2))), {
    code: "llm.stream.interrupted",
  });
});

test("a bad option is named at the start", () => {
  // What a caller without types may give.
  const given =
    (options: object): (() => unknown) =>
    () =>
      postProcess(options as PostProcessOptions);
  assert.throws(given({ steps: [] }), /TypeError: postProcess: steps/);
  assert.throws(given({ steps: [{ type: "x" }] }), /steps\[0\]/);
  assert.throws(given({ steps: [jsonRepair(), jsonRepair()] }), /steps\[1\] has the type of another/);
  assert.throws(given({ configured: "json-repair" }), /configured must be a list/);
  assert.throws(given({ configured: ["yaml"] }), /configured\[0\] must be one of json-repair/);
  assert.throws(given({ onVerdict: 1 }), /onVerdict/);
  assert.throws(() => jsonRepair({ maxChars: 0 }), /TypeError: jsonRepair: maxChars/);
  assert.throws(() => jsonRepair({ maxDepth: 1.5 }), /maxDepth/);
  assert.throws(given({ step: [] }), /TypeError: postProcess: options has the unknown field "step"/);
  // @ts-expect-error no options
  assert.throws(() => postProcess(null), /TypeError: postProcess: options must be an object/);
  // @ts-expect-error misspelled
  assert.throws(() => jsonRepair({ maxchars: 9 }), /TypeError: jsonRepair: options has the unknown field "maxchars"/);
  // @ts-expect-error no options
  assert.throws(() => jsonRepair(null), /TypeError: jsonRepair: options must be an object/);
});

test("what is said behind the finish reason is not passed on unseen", async () => {
  const chunks = [...chunksOf("[1]"), chunk({ content: "" }), chunk({ content: "and prose" })];
  await assert.rejects(async () => collect(await reply(chunks)), { code: "llm.output.invalid_json" });
  assert.equal((await collect(await reply(chunks.slice(0, -1)))).choices[0]?.message.content, "[1]");
});
