import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatChunk, collect, compose, deadline, GatewayError, type Middleware, retry } from "@gatewright/core";
import { chat, fakeClock, type Outcome, scripted } from "@gatewright/core/testing";
import { type ValidateOutputOptions, validateOutput } from "./validate-output.ts";

const schema = {
  type: "object",
  properties: { name: { type: "string" } },
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
const usage = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 1 },
};
// Both answers were paid for.
const twice = {
  prompt_tokens: 20,
  completion_tokens: 10,
  total_tokens: 30,
  prompt_tokens_details: { cached_tokens: 2 },
};

function piece(delta: ChatChunk["choices"][number]["delta"], finish_reason: string | null = null): ChatChunk {
  return { id: "c", choices: [{ index: 0, delta, finish_reason }] };
}

/** An answer with its usage in its last chunk. */
const answer = (text: string): ChatChunk[] => [
  piece({ role: "assistant", content: text }),
  { ...piece({}, "stop"), usage },
];

/** One with the usage in a chunk behind the finish reason, as services stream it. */
const streamed = (text: string): ChatChunk[] => [
  piece({ role: "assistant", content: text }),
  piece({}, "stop"),
  { id: "c", choices: [], usage },
];

function ask(
  outcomes: readonly Outcome[],
  body: object = { response_format },
  options: ValidateOutputOptions = {},
  inner: readonly Middleware[] = [],
) {
  const handler = scripted(...outcomes);
  const request = chat(body);
  const pipeline = compose([validateOutput({ remedy: "ask-again", ...options }), ...inner], handler);
  return { handler, request, replying: async () => collect(await pipeline(request)) };
}

/** What the model is told. */
async function told(bad: Outcome, body?: object): Promise<readonly unknown[]> {
  const { handler, replying } = ask([bad, new GatewayError("llm.provider.auth", "enough")], body);
  await assert.rejects(replying);
  return (handler.requests[1]?.messages ?? []).slice(2).map(({ content }) => content);
}

test("ask-again tells the model what is wrong, once", async () => {
  const seen: string[] = [];
  const options: ValidateOutputOptions = { onInvalid: ({ code }) => seen.push(code) };
  const { handler, replying } = ask([answer('{"nome":1}'), answer('{"name":"Ann"}')], undefined, options);
  const completion = await replying();
  assert.equal(completion.choices[0]?.message.content, '{"name":"Ann"}');
  assert.deepEqual(seen, ["llm.output.schema_mismatch"]);
  assert.deepEqual(handler.requests[1]?.messages[1], { role: "assistant", content: '{"nome":1}' });
  assert.deepEqual(completion.usage, twice);
  const more = ask([answer("{}"), answer("{}"), answer('{"name":"Ann"}')]);
  await assert.rejects(more.replying, { code: "llm.output.schema_mismatch" });
  assert.equal(more.handler.requests.length, 2);
});

test("both answers are counted where their usage comes behind their finish reasons", async () => {
  const { handler, replying } = ask([streamed("{}"), streamed('{"name":"Ann"}')], { response_format, stream: true });
  assert.deepEqual((await replying()).usage, twice);
  assert.equal(handler.open, 0);
});

test("the places in a complaint are those within the text", async () => {
  assert.deepEqual(await told('{"name":7}'), [
    "That does not match what was asked for:\n- name must be a string\nAnswer again, with nothing but the corrected JSON.",
  ]);
  assert.deepEqual(await told('{"name":"Ann","age":7,"[1]":2}'), [
    "That does not match what was asked for:\n- […] must be left out: the schema allows nothing here\n" +
      "[…] is a property whose name the schema does not give.\nAnswer again, with nothing but the corrected JSON.",
  ]);
  assert.deepEqual(await told("no"), [
    "That does not match what was asked for:\n- the whole is not JSON\nAnswer again, with nothing but the corrected JSON.",
  ]);
  const call = { index: 12, id: "t", type: "function", function: { name: "weather", arguments: '{"city":7}' } };
  assert.deepEqual(await told([piece({ tool_calls: [call] }, "tool_calls")], { tools: [weather] }), [
    "Not run, its arguments do not match:\n- city must be a string\nCall it again with corrected arguments.",
  ]);
});

test("nothing is asked when there is no time left, by the clock of the other parts", async () => {
  const time = fakeClock();
  for (const [now, tries] of [
    [0, 2],
    [99, 2],
    [100, 1],
  ] as const) {
    await time.advance(now - time.now());
    const { handler, request, replying } = ask(["{}", "{}"], undefined, { clock: time });
    request.call.context.set(deadline, 100);
    await assert.rejects(replying, { code: "llm.output.schema_mismatch" });
    assert.equal(handler.requests.length, tries);
  }
});

test("nothing is asked for a caller who has left", async () => {
  const leaving = new AbortController();
  const handler = scripted("{}", '{"name":"Ann"}');
  const leave = validateOutput({ remedy: "ask-again", onInvalid: () => leaving.abort(new Error("gone")) });
  await assert.rejects(compose([leave], handler)(chat({ response_format }, { signal: leaving.signal })));
  assert.equal(handler.requests.length, 1);
});

test("an answer that is too long is not asked for again", async () => {
  const { handler, replying } = ask([`"${"x".repeat(200)}"`, '{"name":"Ann"}'], undefined, { maxChars: 100 });
  await assert.rejects(replying, { message: /100 characters/ });
  assert.equal(handler.requests.length, 1);
});

test("ask-again answers every call of a tool", async () => {
  const tool_calls = [
    { index: 0, id: "call-0", type: "function", function: { name: "weather", arguments: '{"city":7}' } },
    { index: 1, id: "call-1", type: "function", function: { name: "clock", arguments: "{}" } },
  ];
  const bad = [piece({ role: "assistant", content: null, tool_calls }), piece({}, "tool_calls")];
  const { handler, replying } = ask([bad, "Sunny."], { tools: [weather, clock] });
  await replying();
  const [, assistant, first, second] = handler.requests[1]?.messages ?? [];
  assert.deepEqual(
    assistant?.tool_calls?.map(({ id }) => id),
    ["call-0", "call-1"],
  );
  assert.deepEqual([first?.role, first?.tool_call_id], ["tool", "call-0"]);
  assert.match(String(first?.content), /city/);
  assert.deepEqual([second?.role, second?.tool_call_id], ["tool", "call-1"]);
  assert.doesNotMatch(String(second?.content), /city/);
});

test("ask-again counts as a try of the call", async () => {
  const tries = [retry({ retries: 2, maxAttempts: 2, baseDelayMs: 0, throttleDelayMs: 0 })];
  const busy = new GatewayError("llm.provider.server_error", "busy");
  const { handler, replying } = ask([busy, "{}", '{"name":"Ann"}'], undefined, {}, tries);
  await assert.rejects(replying, { code: "llm.output.schema_mismatch" });
  assert.equal(handler.requests.length, 2);
});

test("other failures are not asked again", async () => {
  const { handler, replying } = ask([new GatewayError("llm.provider.auth", "no")]);
  await assert.rejects(replying, { code: "llm.provider.auth" });
  assert.equal(handler.requests.length, 1);
});

test("what keeps a second answer from coming is not told in place of what was wrong with the first", async () => {
  const limit = new GatewayError("llm.rate_limit.tokens", "no more");
  const handler = scripted(answer("{}"), limit);
  const pipeline = compose([validateOutput({ remedy: "ask-again" })], handler);
  await assert.rejects(pipeline(chat({ response_format })), { code: "llm.output.schema_mismatch" });
  assert.equal(handler.requests.length, 2);
});
