import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "./start-simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.close());

async function ask(model: string, { stream = false, headers = {} } = {}) {
  const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hi" }] });
  const init: RequestInit = { method: "POST", body, headers, redirect: "manual" };
  const response = await fetch(`${simulator.url}/chat/completions`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, type: response.headers.get("content-type") };
}

async function error(model: string, headers = {}) {
  const { status, text } = await ask(model, { headers });
  return { status, ...JSON.parse(text).error };
}

test("every status has an error of OpenAI's kind", async () => {
  const kinds: Record<number, [string, string | null]> = {
    400: ["invalid_request_error", null],
    401: ["invalid_request_error", "invalid_api_key"],
    404: ["invalid_request_error", "model_not_found"],
    418: ["invalid_request_error", null],
    429: ["requests", "rate_limit_exceeded"],
    500: ["server_error", null],
    503: ["service_unavailable_error", null],
    529: ["overloaded_error", "overloaded"],
    599: ["server_error", null],
  };
  for (const [status, [type, code]] of Object.entries(kinds)) {
    const answer = await error(`sim+status=${status}`);
    assert.deepEqual([answer.status, answer.type, answer.code], [Number(status), type, code]);
    assert.equal(answer.param, null);
  }
  for (const status of [403, 408, 409, 413, 422, 502, 504]) {
    assert.ok((await error(`sim+status=${status}`)).message.length > 5);
  }
  assert.match((await error("gpt-9+status=404")).message, /`gpt-9`/);
});

test("a status below 300 is that of a completion", async () => {
  const { status, text } = await ask("sim+status=203");
  assert.equal(status, 203);
  assert.equal(JSON.parse(text).object, "chat.completion");
});

test("a 401 repeats a part of the key", async () => {
  const { message } = await error("sim+status=401", { authorization: "Bearer sk-abcdefghijklmnopqrstuvwxyz" });
  assert.match(message, /^Incorrect API key provided: sk-ab\*\*\*yz\. /);
});

test("code changes what the error is about", async () => {
  const quota = await error("sim+status=429+code=insufficient_quota");
  assert.deepEqual([quota.status, quota.type, quota.code], [429, "insufficient_quota", "insufficient_quota"]);
  const context = await error("sim+status=400+code=context_length_exceeded");
  assert.deepEqual([context.code, context.param], ["context_length_exceeded", "messages"]);
  assert.match(context.message, /maximum context length/);
  assert.match((await error("sim+status=400+code=content_policy_violation")).message, /safety system/);
  const own = await error("sim+status=400+code=of_my_own");
  assert.deepEqual([own.type, own.code], ["invalid_request_error", "of_my_own"]);
});

test("retry-after, retry-after-ms and should-retry are headers", async () => {
  const header = async (model: string, name: string) => (await ask(model)).headers.get(name);
  for (const value of ["2", "0", "-5", "soonish", "1e9"]) {
    assert.equal(await header(`sim+status=429+retry-after=${value}`, "retry-after"), value);
  }
  const ahead = async (word: string) =>
    Date.parse((await header(`sim+status=503+retry-after=${word}`, "retry-after")) ?? "") - Date.now();
  assert.ok((await ahead("past")) < 0);
  assert.ok((await ahead("soon")) > 500 && (await ahead("soon")) <= 2000);
  assert.ok((await ahead("future")) > 3_500_000);
  assert.equal(await header("sim+status=429+retry-after-ms=150", "retry-after-ms"), "150");
  assert.equal(await header("sim+status=500+should-retry=false", "x-should-retry"), "false");
});

test("redirects to where no gateway should go", async () => {
  for (const model of ["sim+redirect", "sim+status=302"]) {
    const { status, headers } = await ask(model);
    assert.equal(status, 302);
    assert.equal(headers.get("location"), "http://169.254.169.254/latest/meta-data/");
  }
  const { status, headers } = await ask("sim+redirect=http://localhost:1/+status=307");
  assert.deepEqual([status, headers.get("location")], [307, "http://localhost:1/"]);
});

test("bodies that are no completion, whether a stream was asked for or not", async () => {
  for (const stream of [false, true]) {
    const html = await ask("sim+html", { stream });
    assert.deepEqual([html.status, html.type], [502, "text/html"]);
    assert.match(html.text, /^<html>/);
    assert.equal((await ask("sim+html+status=200", { stream })).status, 200);
    const empty = await ask("sim+empty", { stream });
    assert.deepEqual([empty.status, empty.text], [200, ""]);
    const invalid = await ask("sim+invalid-json", { stream });
    assert.equal(invalid.status, 200);
    assert.throws(() => JSON.parse(invalid.text), SyntaxError);
    assert.ok(!("choices" in JSON.parse((await ask("sim+not-a-completion", { stream })).text)));
    const failed = await ask("sim+error-in-200+error-status=429", { stream });
    assert.equal(failed.status, 200);
    assert.equal(JSON.parse(failed.text).error.code, "rate_limit_exceeded");
  }
  assert.equal(JSON.parse((await ask("sim+error-in-200")).text).error.type, "server_error");
});

test("sends headers that a gateway should keep to itself, and as many as it is told", async () => {
  const { headers } = await ask("sim");
  assert.match(headers.get("x-request-id") ?? "", /^req_[0-9a-f]{24}$/);
  for (const name of ["openai-version", "openai-processing-ms", "set-cookie", "server", "cf-ray"]) {
    assert.ok(headers.get(name), name);
  }
  const filler = [...(await ask("sim+headers=9000")).headers].filter(([name]) => name.startsWith("x-filler-"));
  assert.equal(
    filler.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0),
    9000,
  );
});

test("answers JSON in two halves around a clean end", async () => {
  const { text } = await ask("sim+cut=1");
  assert.match(text, /^\{"id":"chatcmpl-/);
  assert.throws(() => JSON.parse(text), SyntaxError);
  assert.equal((await ask("sim+cut=0")).text, "");
});
