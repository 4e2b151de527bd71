import assert from "node:assert/strict";
import test from "node:test";
import { simulatorFetch } from "./simulator-fetch.ts";

const user = { role: "user", content: "Hello there, friend" };
const weather = {
  type: "function",
  function: { name: "weather", parameters: { properties: { city: {} }, required: ["city"] } },
};
const clock = { type: "function", function: { name: "clock" } };

interface Answer {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  readonly choices: readonly { readonly index: number; readonly finish_reason: string; readonly message: Message }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
    readonly completion_tokens_details: { readonly reasoning_tokens: number };
  };
  readonly error: { readonly message: string; readonly param: string };
}

interface Message {
  readonly content: string;
  readonly refusal?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
}

async function ask(model: string, body: object = {}, simulate = simulatorFetch()) {
  const init = { method: "POST", body: JSON.stringify({ model, messages: [user], ...body }) };
  const response = await simulate("http://simulator/v1/chat/completions", init);
  const json = (await response.json()) as Answer; // That it is so is what is tested.
  const choice = json.choices?.[0];
  const { content = "", tool_calls: calls = [] } = choice?.message ?? {};
  return { status: response.status, json, finish: choice?.finish_reason, message: choice?.message, content, calls };
}

test("echoes the last user message in a completion of OpenAI's shape", async () => {
  const { status, json } = await ask("sim");
  assert.equal(status, 200);
  assert.match(json.id, /^chatcmpl-[0-9a-f]{24}$/);
  assert.ok(Math.abs(json.created - Date.now() / 1000) < 5);
  assert.deepEqual(json, {
    id: json.id,
    object: "chat.completion",
    created: json.created,
    model: "sim",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello there, friend", refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 3,
      total_tokens: 6,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
    service_tier: "default",
    system_fingerprint: json.system_fingerprint,
  });
});

test("reads text parts, and counts every message of the prompt", async () => {
  const parts = [{ type: "text", text: "One " }, { type: "image_url" }, { type: "text", text: "two" }];
  const messages = [
    { role: "system", content: "Be short." },
    { role: "user", content: parts },
    { role: "assistant", content: null },
  ];
  const { content, json } = await ask("sim", { messages });
  assert.equal(content, "One two");
  assert.equal(json.usage.prompt_tokens, 4);
});

test("gives the same answers and ids for the same seed", async () => {
  const first = await ask("sim+words=30", {}, simulatorFetch({ seed: 9 }));
  const again = await ask("sim+words=30", {}, simulatorFetch({ seed: 9 }));
  const other = await ask("sim+words=30", {}, simulatorFetch({ seed: 10 }));
  assert.equal(first.json.id, again.json.id);
  assert.equal(first.content, again.content);
  assert.notEqual(first.json.id, other.json.id);
  assert.notEqual(first.content, other.content);
});

test("words, chunks and bytes say how much there is of the answer", async () => {
  const words = await ask("sim+words=12");
  assert.equal(words.content.split(" ").length, 12);
  assert.equal(words.json.usage.completion_tokens, 12);
  assert.equal((await ask("sim+chunks=12")).content, words.content);
  assert.equal((await ask("sim+bytes=100000")).content.length, 100_000);
});

test("answers n times, each time a little differently", async () => {
  const { json } = await ask("sim", { n: 3 });
  const contents = json.choices.map(({ message }) => message.content);
  assert.deepEqual(contents, ["Hello there, friend", "Hello there, friend (2)", "Hello there, friend (3)"]);
});

test("stops at max_tokens or max_completion_tokens, whichever is less", async () => {
  const { finish, json } = await ask("sim+words=50", { max_tokens: 7, max_completion_tokens: 5 });
  assert.equal(finish, "length");
  assert.equal(json.usage.completion_tokens, 5);
});

test("reasons before it answers", async () => {
  const { message, json } = await ask("sim+reasoning=4");
  assert.equal(message?.reasoning_content?.split(" ").length, 4);
  assert.equal(json.usage.completion_tokens, 7);
  assert.equal(json.usage.completion_tokens_details.reasoning_tokens, 4);
});

test("refuses, and finishes as it is told", async () => {
  const { message, content, finish } = await ask("sim+refusal");
  assert.equal(content, null);
  assert.match(message?.refusal ?? "", /can't help/);
  assert.equal(finish, "stop");
  for (const reason of ["stop", "length", "content_filter", "tool_calls"]) {
    assert.equal((await ask(`sim+finish=${reason}`)).finish, reason);
  }
});

test("calls the first tool with arguments that fit its schema", async () => {
  const { content, calls, finish } = await ask("sim+tool", { tools: [weather, clock] });
  assert.equal(finish, "tool_calls");
  assert.equal(content, null);
  assert.equal(calls.length, 1);
  const [call] = calls;
  assert.match(call?.id ?? "", /^call_[0-9a-f]+$/);
  assert.deepEqual(call, {
    id: call?.id,
    type: "function",
    function: { name: "weather", arguments: '{"city":"city"}' },
  });
});

test("calls as many tools at once as it is told", async () => {
  const { calls } = await ask("sim+tool=3", { tools: [weather, clock] });
  assert.deepEqual(
    calls.map((call) => call.function.name),
    ["weather", "clock", "weather"],
  );
  assert.equal(new Set(calls.map(({ id }) => id)).size, 3);
});

test("obeys tool_choice", async () => {
  const tools = [weather, clock];
  assert.equal((await ask("sim", { tools })).calls.length, 0);
  assert.equal((await ask("sim", { tools, tool_choice: "auto" })).calls.length, 0);
  assert.equal((await ask("sim", { tools, tool_choice: "required" })).calls[0]?.function.name, "weather");
  const named = await ask("sim", { tools, tool_choice: { type: "function", function: { name: "clock" } } });
  assert.deepEqual(named.calls[0]?.function, { name: "clock", arguments: "{}" });
});

test("echoes a tool's result, so that an agent's loop ends", async () => {
  const messages = [user, { role: "assistant", tool_calls: [] }, { role: "tool", tool_call_id: "1", content: "Sunny" }];
  const { content, calls } = await ask("sim+tool", { messages, tools: [weather], tool_choice: "required" });
  assert.equal(content, "Sunny");
  assert.deepEqual(calls, []);
});

test("refuses to call a tool that is not there", async () => {
  assert.match((await ask("sim+tool")).json.error.message, /needs "tools"/);
  assert.equal((await ask("sim", { tool_choice: "required" })).status, 400);
  const { json } = await ask("sim", { tools: [weather], tool_choice: { type: "function", function: { name: "x" } } });
  assert.equal(json.error.param, "tool_choice");
});

test("answers JSON when it is asked to", async () => {
  const schema = { type: "object", properties: { score: { type: "integer" } }, required: ["score"] };
  const asked = await ask("sim", { response_format: { type: "json_object" } });
  assert.deepEqual(JSON.parse(asked.content), { answer: "Hello there, friend" });
  const shaped = await ask("sim", { response_format: { type: "json_schema", json_schema: { name: "s", schema } } });
  assert.deepEqual(JSON.parse(shaped.content), { score: 1 });
  assert.deepEqual(JSON.parse((await ask("sim+json")).content), { answer: "Hello there, friend" });
  assert.equal((await ask("sim", { response_format: { type: "text" } })).content, "Hello there, friend");
});

test("breaks JSON content and tool arguments, or fences them", async () => {
  assert.equal((await ask("sim+broken-json")).content, '{answer:"Hello there, friend"');
  assert.equal((await ask("sim+fenced-json")).content, '```json\n{"answer":"Hello there, friend"}\n```');
  const { calls } = await ask("sim+tool+broken-json", { tools: [weather] });
  assert.equal(calls[0]?.function.arguments, '{city:"city"');
});

test("leaves usage out or writes it as strings", async () => {
  assert.ok(!("usage" in (await ask("sim+usage=none")).json));
  const { usage } = (await ask("sim+usage=strings")).json;
  assert.equal(usage.total_tokens, "6");
  assert.equal(usage.prompt_tokens_details.cached_tokens, "0");
});

test("says the plain model name", async () => {
  assert.equal((await ask("gpt-4o-mini+words=2")).json.model, "gpt-4o-mini");
});
