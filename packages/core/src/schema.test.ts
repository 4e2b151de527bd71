import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "./error.ts";
import { parseJson } from "./json.ts";
import { parseChatBody } from "./schema.ts";

const least = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const long = "x".repeat(300_000);
const out = (number: string): unknown => parseJson(number);

test("the least body is taken as it is", () => {
  assert.deepEqual(parseChatBody(least), least);
});

test("a prompt becomes one user message", () => {
  assert.deepEqual(parseChatBody({ model: "m", prompt: "Hi" }), least);
  assert.deepEqual(parseChatBody({ model: "m", prompt: "Hi", messages: null }), least);
  assert.deepEqual(parseChatBody({ ...least, prompt: null }), least);
});

test("a body with every known field is taken as it is", () => {
  const whole = {
    model: "vendor/model-1.5:free@eu+x~y=z,w_",
    messages: [
      { role: "system", content: "a" },
      { role: "developer", content: [{ type: "text", text: "b" }] },
      { role: "user", content: [{ type: "image_url", image_url: { url: "http://169.254.169.254/" } }] },
      { role: "assistant", content: null, tool_calls: [{ id: "c", function: { name: "f", arguments: "" } }] },
      { role: "assistant", tool_calls: null },
      { role: "tool", content: "d", tool_call_id: "c" },
      { role: "function", name: "f", content: "e" },
    ],
    stream: true,
    stream_options: { include_usage: true },
    n: 128,
    max_tokens: 1,
    max_completion_tokens: 100_000,
    temperature: 2,
    top_p: 0,
    presence_penalty: -2,
    frequency_penalty: 2,
    seed: -5,
    logprobs: true,
    top_logprobs: 20,
    logit_bias: { 50256: -100 },
    stop: ["a", "b"],
    tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }, { type: "custom" }],
    tool_choice: { type: "function", function: { name: "f" } },
    parallel_tool_calls: false,
    response_format: { type: "json_schema", json_schema: { name: "s", schema: {} } },
    user: "someone",
  };
  assert.deepEqual(parseChatBody(whole), whole);
});

test("null stands for a field that is left out", () => {
  const fields = ["stream", "stream_options", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p"];
  fields.push("presence_penalty", "frequency_penalty", "seed", "logprobs", "top_logprobs", "logit_bias", "stop");
  fields.push("tools", "tool_choice", "parallel_tool_calls", "response_format", "user");
  const body = { ...least, ...Object.fromEntries(fields.map((field) => [field, null])) };
  assert.deepEqual(parseChatBody(body), body);
});

test("unknown fields are kept at every level", () => {
  const text = `{"model":"m","x":{"deep":[1,{"y":null}]},"exact":9007199254740993,
    "messages":[{"role":"user","x":1,"exact":-0,"content":[{"type":"video","x":2,"text":"t","image_url":{"url":"u","x":3}}]},
      {"role":"assistant","x":4,"tool_calls":[{"id":"i","x":5,"function":{"name":"f","arguments":"{}","x":6}}]}],
    "stream":true,"stream_options":{"x":7},"tools":[{"type":"t","x":8,"function":{"name":"f","x":9,"parameters":{"x":1e400}}}],
    "tool_choice":{"type":"auto","x":10},"response_format":{"type":"json_schema","x":11,"json_schema":{"x":12}},
    "service_tier":"flex","reasoning_effort":"low","fallbacks":[{"model":"b"}],"transcript_id":"t"}`;
  const sorted = (json: string): unknown => JSON.parse(json.replaceAll(/\s+/g, ""), order);
  assert.equal(
    JSON.stringify(sorted(JSON.stringify(parseChatBody(parseJson(text))))),
    JSON.stringify(sorted(JSON.stringify(parseJson(text)))),
  );
  const kept = JSON.stringify(parseChatBody(parseJson(text)));
  for (const exact of ['"exact":9007199254740993', '"exact":-0', '"x":1e400']) assert.ok(kept.includes(exact), exact);
});

test("what is given is not changed", () => {
  const body = { model: "m", prompt: "Hi", x: { y: 1 } };
  const copy = structuredClone(body);
  parseChatBody(body);
  assert.deepEqual(body, copy);
});

for (const value of [undefined, null, "x", 7, true, [least], [1]]) {
  test(`${JSON.stringify(value)} is no body`, () => {
    assert.deepEqual(issuesOf(value), [{ path: "", message: "The body must be a JSON object." }]);
  });
}

test("all failing fields are named at once, each with its path", () => {
  const paths = pathsOf({
    messages: [
      { role: "user", content: "fine" },
      { role: "user", content: null },
      { role: "owner", content: "x" },
      { role: "user", content: [{ type: "text", text: 5 }, { text: "no type" }] },
      { role: "tool", content: "x" },
    ],
    n: 0,
    temperature: "hot",
    api_key: "x",
    stream_options: {},
  });
  assert.deepEqual(paths.sort(), [
    "api_key",
    "messages[1].content",
    "messages[2].role",
    "messages[3].content[0].text",
    "messages[3].content[1].type",
    "messages[4].tool_call_id",
    "model",
    "n",
    "stream_options",
    "temperature",
  ]);
});

test("the message of the error names every issue, and none repeats a value of the body", () => {
  const error = errorOf({ model: "bad model secret", messages: [{ role: "secret", content: 1 }], n: "secret" });
  assert.equal(error.code, "llm.request.invalid");
  assert.equal(error.status, 400);
  for (const { path, message } of error.issues) assert.ok(error.message.includes(`${path}: ${message}`), path);
  assert.doesNotMatch(JSON.stringify([error.message, error.issues]), /secret/);
});

test("what is missing is called required", () => {
  const issues = issuesOf({});
  assert.deepEqual(issues[0], { path: "model", message: "required" });
  assert.deepEqual(issues[1], { path: "messages", message: "required, or send a prompt" });
});

test("however many fields fail, only twenty of them are told", () => {
  const parts = Array.from({ length: 30 }, () => ({}));
  const nested = { ...least, messages: Array.from({ length: 30 }, () => ({ role: "user", content: parts })) };
  assert.equal(issuesOf(nested).length, 20);
  const flat = { ...least, messages: Array.from({ length: 30 }, () => ({ role: "user", content: 1 })) };
  assert.equal(issuesOf(flat).length, 20);
});

const WRONG: readonly (readonly [field: string, values: readonly unknown[], path?: string])[] = [
  [
    "model",
    [
      null,
      5,
      "",
      "x".repeat(257),
      "a b",
      "a\n",
      "a\r\nx: y",
      "a\0",
      "a/../b",
      "..",
      "modèle",
      "a?b",
      "a#b",
      "a\\b",
      "a%2e",
    ],
  ],
  ["messages", [5, "no", {}, [], Array(4097).fill(least.messages[0])]],
  ["messages", [[5], [null], [[]], ["x"]], "messages[0]"],
  [
    "messages",
    [[{ content: "x" }], [{ role: "owner", content: "x" }], [{ role: 5, content: "x" }], [out("9007199254740993")]],
    "messages[0].role",
  ],
  [
    "messages",
    [[{ role: "user" }], [{ role: "user", content: 5 }], [{ role: "user", content: null }]],
    "messages[0].content",
  ],
  ["messages", [[{ role: "user", content: [] }], [{ role: "tool", tool_call_id: "a" }]], "messages[0].content"],
  ["messages", [[{ role: "user", content: [[]] }], [{ role: "user", content: ["x"] }]], "messages[0].content[0]"],
  [
    "messages",
    [[{ role: "user", content: [{ type: "image_url", image_url: { url: 5 } }] }]],
    "messages[0].content[0].image_url.url",
  ],
  ["messages", [[{ role: "assistant", tool_calls: {} }]], "messages[0].tool_calls"],
  [
    "messages",
    [[{ role: "assistant", tool_calls: [{ function: { name: "f", arguments: "" } }] }]],
    "messages[0].tool_calls[0].id",
  ],
  [
    "messages",
    [[{ role: "assistant", tool_calls: [{ id: "i", function: { name: "f", arguments: {} } }] }]],
    "messages[0].tool_calls[0].function.arguments",
  ],
  ["stream", ["yes", 1, {}, "true"]],
  ["n", [0, -1, 1.5, 129, 1000, "1", out("1e400")]],
  ["max_tokens", [0, -1, 0.5, "1", Number.NaN, out("9007199254740993")]],
  ["max_completion_tokens", [0, -1, 0.5, "1", out("1e999")]],
  ["temperature", [-0.1, 2.1, "hot", out("1e400"), Number.NaN]],
  ["top_p", [-0.1, 1.1, "x"]],
  ["presence_penalty", [-2.1, 2.1, "x"]],
  ["frequency_penalty", [-2.1, 2.1, "x"]],
  ["seed", [0.5, "x", out("9007199254740993")]],
  ["logprobs", [1, "true"]],
  ["top_logprobs", [-1, 21, 0.5, "1"]],
  ["logit_bias", [5, [], "x"]],
  ["logit_bias", [{ 1: "x" }, { 1: null }], "logit_bias.1"],
  ["stop", [5, {}, Array(17).fill("x")]],
  ["stop", [[5], [null]], "stop[0]"],
  ["tools", [5, "x", {}, Array(1025).fill({ type: "function" })]],
  ["tools", [[{}], [{ type: 5 }]], "tools[0].type"],
  [
    "tools",
    [[{ type: "function", function: {} }], [{ type: "function", function: { name: "" } }]],
    "tools[0].function.name",
  ],
  ["tools", [[{ type: "function", function: { name: "f", parameters: { x: long } } }]], "tools[0].function.parameters"],
  ["tool_choice", [5, [], true]],
  ["tool_choice", [{}, { type: 5 }], "tool_choice.type"],
  ["parallel_tool_calls", [1, "x"]],
  ["response_format", [5, "json", []]],
  ["response_format", [{}, { type: 5 }], "response_format.type"],
  ["response_format", [{ type: "json_schema", json_schema: { x: long } }], "response_format.json_schema"],
  ["user", [5, {}, "x".repeat(1025)]],
];

for (const [field, values, path = field] of WRONG) {
  test(`a wrong ${path} is refused by name`, () => {
    for (const value of values) {
      const label = JSON.stringify(value)?.slice(0, 100);
      assert.deepEqual(pathsOf({ ...least, [field]: value }), [path], label);
    }
  });
}

for (const field of ["call", "api_base", "base_url", "baseURL", "api_key", "custom_host", "extra_headers"]) {
  test(`${field} cannot be set by a caller, whatever its value`, () => {
    for (const value of ["http://evil.test", {}, null, 0, ""]) {
      const error = errorOf({ ...least, [field]: value });
      assert.equal(error.status, 400);
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        [field],
      );
    }
  });
}

test("messages and a prompt together are refused", () => {
  assert.deepEqual(pathsOf({ ...least, prompt: "Hi" }), ["prompt"]);
  assert.deepEqual(pathsOf({ model: "m", prompt: "" }), ["prompt"]);
  assert.deepEqual(pathsOf({ model: "m", prompt: 5 }), ["prompt"]);
});

test("stream_options are refused without stream", () => {
  for (const stream of [undefined, null, false]) {
    assert.deepEqual(pathsOf({ ...least, stream, stream_options: { include_usage: true } }), ["stream_options"]);
  }
  assert.deepEqual(pathsOf({ ...least, stream: true, stream_options: { include_usage: "x" } }), [
    "stream_options.include_usage",
  ]);
  assert.deepEqual(pathsOf({ ...least, stream: true, stream_options: 5 }), ["stream_options"]);
});

test("a long model name is refused in a moment", () => {
  const startedAt = performance.now();
  assert.deepEqual(pathsOf({ ...least, model: ".".repeat(10_000_000) }), ["model"]);
  assert.deepEqual(pathsOf({ ...least, model: "a.".repeat(5_000_000) }), ["model"]);
  assert.ok(performance.now() - startedAt < 5000);
});

function errorOf(value: unknown): GatewayError {
  try {
    parseChatBody(value);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
  assert.fail(`taken: ${JSON.stringify(value).slice(0, 200)}`);
}

function issuesOf(value: unknown): GatewayError["issues"] {
  return errorOf(value).issues;
}

function pathsOf(value: unknown): string[] {
  return issuesOf(value).map(({ path }) => path);
}

function order(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
