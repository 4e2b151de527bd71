import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ChatChunk,
  type ChunkIterator,
  collect,
  compose,
  type Delta,
  fallback,
  GatewayError,
  HeldChunks,
  type Middleware,
} from "@gatewright/core";
import { chat, chunksOf, type Outcome, scripted } from "@gatewright/core/testing";
import { jsonRepair } from "./json-repair.ts";
import { postProcess } from "./post-process.ts";
import { type ValidateOutputOptions, validateOutput } from "./validate-output.ts";

const schema = {
  type: "object",
  properties: { name: { type: "string" }, tags: { type: "array", items: { type: "string" } } },
  required: ["name"],
  additionalProperties: false,
};
const response_format = { type: "json_schema", json_schema: { name: "person", schema } };
const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const clock = { type: "function", function: { name: "clock" } };

function piece(delta: Delta, finish_reason: string | null = null, index = 0): ChatChunk {
  return {
    id: "c",
    object: "chat.completion.chunk",
    created: 0,
    model: "m",
    choices: [{ index, delta, finish_reason }],
  };
}

/** An answer that calls tools: names and arguments. */
function calling(...calls: readonly (readonly [string, string])[]): readonly ChatChunk[] {
  const tool_calls = calls.map(([name, given], index) => ({
    index,
    id: `call-${index}`,
    type: "function",
    function: { name, arguments: given },
  }));
  return [piece({ role: "assistant", content: null, tool_calls }), piece({}, "tool_calls")];
}

function ask(
  outcomes: readonly Outcome[],
  body: object = { response_format },
  options: ValidateOutputOptions = {},
  inner: readonly Middleware[] = [],
) {
  const handler = scripted(...outcomes);
  return { handler, replying: compose([validateOutput(options), ...inner], handler)(chat(body)) };
}

/** The error with which an answer is refused. */
async function refusal(...given: Parameters<typeof ask>): Promise<GatewayError> {
  try {
    await collect(await ask(...given).replying);
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error;
  }
  return assert.fail("the answer was taken");
}

const content = async (...given: Parameters<typeof ask>) =>
  (await collect(await ask(...given).replying)).choices[0]?.message.content;

test("an answer that matches is passed on as it is", async () => {
  const answer = '{ "name": "Ann", "tags": ["a"] }';
  assert.equal(await content([answer]), answer);
});

test("one that does not is refused with every failing path", async () => {
  const error = await refusal(['{"tags": [1, "b", 2], "age": 7}']);
  assert.equal(error.code, "llm.output.schema_mismatch");
  assert.deepEqual([error.status, error.phase, error.layer, error.retryable], [500, "after", "output", false]);
  const paths = error.issues.map(({ path }) => path);
  assert.ok(paths.includes("choices[0].message.content.tags[0]"), paths.join());
  assert.ok(paths.includes("choices[0].message.content.tags[2]"), paths.join());
  assert.match(error.message, /name/);
  assert.doesNotMatch(error.message, /\b7\b/, "values of the answer are told");
});

test("what is no JSON, or empty, is told as that", async () => {
  for (const answer of ["I cannot do that.", '{"name": "Ann"', " "]) {
    assert.equal((await refusal([answer])).code, "llm.output.invalid_json", answer);
  }
});

test("an answer that was cut says what to do", async () => {
  const error = await refusal([[piece({ content: '{"name": "A' }), piece({}, "length")]]);
  assert.match(error.message, /max_completion_tokens/);
});

test("json_object asks for an object, text and nothing for nothing", async () => {
  const object = { response_format: { type: "json_object" } };
  assert.equal(await content(['{"a":1}'], object), '{"a":1}');
  assert.equal((await refusal(["[1]"], object)).code, "llm.output.schema_mismatch");
  assert.equal(await content(["Hello"], { response_format: { type: "text" } }), "Hello");
  assert.equal(await content(["Hello"], {}), "Hello");
});

test("every choice is checked, and the failing one is named", async () => {
  const choices = [0, 1].map((index) => ({
    index,
    delta: { role: "assistant", content: index === 0 ? '{"name":"Ann"}' : "{}" },
    finish_reason: "stop",
  }));
  const error = await refusal([[{ ...piece({}), choices }]]);
  assert.match(error.issues[0]?.path ?? "", /^choices\[1\]/);
});

test("refusals, calls of tools and what a filter took away are no answers to check", async () => {
  const refused = [piece({ role: "assistant", refusal: "No." }), piece({}, "stop")];
  await collect(await ask([refused]).replying);
  await collect(await ask([[piece({ role: "assistant" }), piece({}, "content_filter")]]).replying);
  await collect(await ask([calling(["weather", '{"city":"Rome"}'])], { response_format, tools: [weather] }).replying);
});

test("arguments are checked against the parameters of their tool", async () => {
  const tools = [weather, clock];
  await collect(await ask([calling(["weather", '{"city":"Rome"}'], ["clock", "{}"])], { tools }).replying);
  for (const [name, given, path] of [
    ["weather", '{"city":7}', ".city"],
    ["weather", "{}", ""],
    ["weather", "", ""],
    ["weather", "{city", ""],
    ["clock", "now", ""],
    ["stocks", "{}", ""],
  ] as const) {
    const error = await refusal([calling(["clock", "{}"], [name, given])], { tools });
    assert.equal(error.code, "llm.output.invalid_tool_arguments", given);
    assert.equal(error.issues[0]?.path, `choices[0].message.tool_calls[1].function.arguments${path}`);
  }
});

test("a stream is passed on as it comes, and ends with the error", async () => {
  const { chunks } = await ask([chunksOf('{"name"', ": 7}")]).replying;
  let seen = "";
  await assert.rejects(
    async () => {
      for await (const { choices } of chunks) seen += String(choices[0]?.delta.content ?? "");
    },
    { code: "llm.output.schema_mismatch" },
  );
  assert.equal(seen, '{"name": 7}');
});

test("what is too long is not kept", async () => {
  const error = await refusal([chunksOf('"', "x".repeat(2000))], { response_format }, { maxChars: 1000 });
  assert.match(error.message, /1000 characters/);
});

test("all that is said counts towards what is too long, and no more", async () => {
  const given = JSON.stringify({ city: "x".repeat(600) });
  const tools = { tools: [weather] };
  const limit = 2 * given.length;
  const two = calling(["weather", given], ["weather", given]);
  await collect(await ask([two], tools, { maxChars: limit }).replying);
  assert.match((await refusal([two], tools, { maxChars: limit - 1 })).message, /1221 characters/);
});

test("each stream is checked, also the chunks that are ready", async () => {
  const held = async (text: string): Promise<ChunkIterator> => {
    const chunks = new HeldChunks([piece({ content: text }), piece({}, "stop")]);
    const reply = await compose([validateOutput()], async () => ({ headers: {}, chunks }))(chat({ response_format }));
    return reply.chunks[Symbol.asyncIterator]();
  };
  const bad = await held("{}");
  assert.equal(bad.ready?.()?.choices[0]?.delta.content, "{}");
  assert.equal(bad.ready?.(), undefined);
  await assert.rejects(bad.next(), { code: "llm.output.schema_mismatch" });
  const fine = await held('{"name":"Ann"}');
  assert.ok(fine.ready?.());
  assert.equal(fine.ready?.()?.choices[0]?.finish_reason, "stop");
});

test("repaired answers are checked", async () => {
  const repair = postProcess({ steps: [jsonRepair()], configured: ["json-repair"] });
  assert.equal(await content(["```json\n{name: 'Ann',}\n```"], { response_format }, {}, [repair]), '{"name": "Ann"}');
  assert.equal(
    (await refusal(["{nome: 'Ann'}"], { response_format }, {}, [repair])).code,
    "llm.output.schema_mismatch",
  );
});

test("a schema that cannot be used is refused before any provider is asked", async () => {
  const bad = { type: "json_schema", json_schema: { name: "x", schema: { properties: { a: { type: "strin" } } } } };
  const tools = [{ type: "function", function: { name: "f", parameters: { required: "a" } } }];
  const { handler, replying } = ask([], { response_format: bad, tools });
  const error = await replying.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof GatewayError);
  assert.equal(error.code, "llm.request.invalid");
  const paths = error.issues.map(({ path }) => path);
  assert.ok(
    paths.some((path) => path.startsWith("response_format.json_schema.schema.properties.a")),
    paths.join(),
  );
  assert.ok(
    paths.some((path) => path.startsWith("tools[0].function.parameters")),
    paths.join(),
  );
  assert.equal(handler.requests.length, 0);
  await assert.rejects(ask([], { response_format: { type: "json_schema" } }).replying, { code: "llm.request.invalid" });
});

test("fallback asks another target, streams too", async () => {
  const handler = scripted(chunksOf("{}"), chunksOf('{"name":', '"Ann"}'));
  const pipeline = compose(
    [fallback({ models: { "test-model": ["other"] } }), validateOutput({ remedy: "fallback" })],
    handler,
  );
  const completion = await collect(await pipeline(chat({ model: "test-model", response_format, stream: true })));
  assert.equal(completion.choices[0]?.message.content, '{"name":"Ann"}');
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["test-model", "other"],
  );
});

test("names a bad option", () => {
  // @ts-expect-error there is no such remedy
  assert.throws(() => validateOutput({ remedy: "hope" }), { name: "TypeError", message: /remedy/ });
  assert.throws(() => validateOutput({ maxChars: 0 }), { name: "TypeError", message: /maxChars/ });
  // @ts-expect-error not a function
  assert.throws(() => validateOutput({ onInvalid: 1 }), { name: "TypeError", message: /onInvalid/ });
  // @ts-expect-error misspelled
  assert.throws(() => validateOutput({ remdy: "fallback" }), { name: "TypeError", message: /unknown field "remdy"/ });
  // @ts-expect-error no options
  assert.throws(() => validateOutput(null), { name: "TypeError", message: /^validateOutput: options/ });
});

test("a call that is named twice is neither of the two", async () => {
  const call = (name: string, id: string, given: string) => ({ index: 0, id, function: { name, arguments: given } });
  for (const second of [call("clock", "a", ""), call("weather", "b", "")]) {
    const chunks = [
      piece({ tool_calls: [call("weather", "a", '{"city":"Rome"}')] }),
      piece({ tool_calls: [second] }),
      piece({}, "tool_calls"),
    ];
    const error = await refusal([chunks], { tools: [weather, clock] });
    assert.match(error.message, /two names/);
  }
});

test("a call of a tool is no answer where no tools were offered", async () => {
  const error = await refusal([calling(["shell", "{}"])]);
  assert.equal(error.code, "llm.output.invalid_json");
});

test("an answer that a filter has cut says so", async () => {
  const error = await refusal([[piece({ content: '{"name": "A' }), piece({}, "content_filter")]]);
  assert.match(error.message, /content filter/);
});
