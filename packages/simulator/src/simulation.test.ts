import assert from "node:assert/strict";
import test from "node:test";
import { simulatorModels } from "./models.ts";
import { MAX_BODY } from "./simulation.ts";
import { simulatorFetch } from "./simulator-fetch.ts";

const simulate = simulatorFetch();
const messages = [{ role: "user", content: "Hi" }];

interface Answer {
  readonly object: string;
  readonly data: readonly { readonly id: string }[];
  readonly error: { readonly message: string; readonly type: string; readonly param: string; readonly code: string };
}

async function read(response: Response) {
  return { status: response.status, json: (await response.json()) as Answer }; // That it is so is what is tested.
}

async function post(body: unknown, headers: Record<string, string> = {}, path = "/v1/chat/completions", by = simulate) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await by(`http://simulator${path}`, { method: "POST", body: text, headers });
  return read(response);
}

async function get(path: string) {
  return read(await simulate(`http://simulator${path}`));
}

test("lists its models, with and without /v1", async () => {
  for (const path of ["/v1/models", "/models", "/v1/models?limit=3"]) {
    const { json } = await get(path);
    assert.equal(json.object, "list");
    assert.deepEqual(
      json.data.map(({ id }) => id),
      simulatorModels,
    );
  }
  assert.equal((await get("/v1/models/sim")).json.object, "model");
  const missing = await get("/v1/models/nope");
  assert.equal(missing.status, 404);
  assert.equal(missing.json.error.code, "model_not_found");
});

test("answers chat completions without /v1 too", async () => {
  assert.equal((await post({ model: "sim", messages }, {}, "/chat/completions")).status, 200);
});

test("answers 404 in OpenAI's words to anything else", async () => {
  for (const answer of [await get("/v1/chat/completions"), await get("/"), await post({}, {}, "/v1/models")]) {
    assert.equal(answer.status, 404);
    assert.match(answer.json.error.message, /^Invalid URL \((GET|POST) \//);
    assert.equal(answer.json.error.type, "invalid_request_error");
  }
});

test("refuses a body that is no chat completion request", async () => {
  const refused: [unknown, string | null][] = [
    ["{", null],
    ['"text"', null],
    [[1], null],
    [{ messages }, null],
    [{ model: 1, messages }, "model"],
    [{ model: "", messages }, "model"],
    [{ model: "x".repeat(2001), messages }, "model"],
    [{ model: "sim" }, "messages"],
    [{ model: "sim", messages: [] }, "messages"],
    [{ model: "sim", messages: ["Hi"] }, "messages"],
    [{ model: "sim", messages, stream: "yes" }, "stream"],
    [{ model: "sim", messages, stream_options: {} }, "stream_options"],
    [{ model: "sim", messages, n: 129 }, "n"],
    [{ model: "sim", messages, max_tokens: 0 }, "max_tokens"],
    [{ model: "sim", messages, max_completion_tokens: 1.5 }, "max_completion_tokens"],
    [{ model: "sim", messages, tools: {} }, "tools"],
    [{ model: "sim", messages, response_format: { type: "json_schema" } }, "response_format.json_schema"],
  ];
  for (const [body, param] of refused) {
    const { status, json } = await post(body);
    assert.equal(status, 400, JSON.stringify(body));
    assert.equal(json.error.param, param);
    assert.equal(json.error.type, "invalid_request_error");
  }
});

test("refuses a misspelt directive, in the model or in the header", async () => {
  const inModel = await post({ model: "sim+sttus=503", messages });
  assert.equal(inModel.status, 400);
  assert.match(inModel.json.error.message, /"sttus".*status/);
  assert.deepEqual([inModel.json.error.param, inModel.json.error.code], ["model", "invalid_directive"]);
  const inHeader = await post({ model: "sim", messages }, { "x-simulate": "status" });
  assert.equal(inHeader.json.error.param, "x-simulate");
});

test("the header adds directives to those of the model, and wins over them", async () => {
  const { status, json } = await post(
    { model: "sim+status=500+words=3", messages },
    { "x-simulate": "status=503, code=x" },
  );
  assert.equal(status, 503);
  assert.equal(json.error.code, "x");
});

test("asks for the key that it was given", async () => {
  const locked = simulatorFetch({ apiKey: "sk-simulator" });
  const asked = (headers: Record<string, string>) =>
    post({ model: "sim", messages }, headers, "/v1/chat/completions", locked);
  assert.equal((await asked({ authorization: "Bearer sk-simulator" })).status, 200);
  const wrong = await asked({ authorization: "Bearer sk-abcdefghijyz" });
  assert.equal(wrong.status, 401);
  assert.equal(wrong.json.error.code, "invalid_api_key");
  assert.equal(wrong.json.error.message, "Incorrect API key provided: sk-ab***yz.");
  assert.match((await asked({})).json.error.message, /You didn't provide an API key/);
});

test("refuses a body that is too long", async () => {
  const { status } = await post(" ".repeat(MAX_BODY + 1));
  assert.equal(status, 413);
});

test("a schema that cannot be answered is an error and not a crash", async () => {
  const schema = `{"const":${"[".repeat(50_000)}${"]".repeat(50_000)}}`;
  const format = `{"type":"json_schema","json_schema":{"schema":${schema}}}`;
  const { status, json } = await post(`{"model":"sim","messages":[{}],"response_format":${format}}`);
  assert.ok(status === 500 ? json.error.message.startsWith("The simulator failed") : status === 200);
});
