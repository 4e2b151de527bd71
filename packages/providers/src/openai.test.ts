import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import {
  attempts,
  type ChatBody,
  type ChatChunk,
  type ChatReply,
  collect,
  createCall,
  type Delta,
  discard,
  GatewayError,
  gateway,
  parseJson,
} from "@gatewright/core";
import { chat, fakeClock } from "@gatewright/core/testing";
import { Dispatcher } from "undici";
import { type OpenAIOptions, openai } from "./openai.ts";

const KEY = "Zq7Rk2Vw9Tn4Xp6Ls8Jd3Hf5Gb1Mc0Qy";

const COMPLETION = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 7,
  model: "gpt-4o-2024",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop", logprobs: null }],
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
};

const CHUNKS: readonly ChatChunk[] = [
  chunk({ role: "assistant", content: "" }),
  chunk({ content: "Hel" }),
  chunk({ content: "lo" }),
  chunk({}, "stop"),
];

const USAGE: ChatChunk = chunk({}, null, { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } });

test("a completion is one chunk, which collects to the completion field for field", async () => {
  const { provider } = setUp(json(200, COMPLETION));
  const reply = await provider(chat());
  const chunks = await all(reply.chunks);
  assert.equal(chunks.length, 1);
  assert.equal(chunks[0]?.object, "chat.completion.chunk");
  const again = setUp(json(200, COMPLETION));
  assert.deepEqual(await collect(await again.provider(chat())), COMPLETION);
});

test("a stream is its chunks, as they came", async () => {
  const { provider, upstream } = setUp(sse([...CHUNKS.map((each) => JSON.stringify(each)), "[DONE]"]));
  const reply = await provider(chat({ stream: true }));
  assert.deepEqual(await all(reply.chunks), CHUNKS);
  await settled();
  assert.equal(upstream.open, 0);
});

test("a JSON answer to a request for a stream is a stream, and the reverse is a completion", async () => {
  const asked = setUp(json(200, COMPLETION));
  const [first] = await all((await asked.provider(chat({ stream: true }))).chunks);
  assert.equal(first?.choices[0]?.delta.content, "Hello");
  const unasked = setUp(sse([...CHUNKS.map((each) => JSON.stringify(each)), "[DONE]"]));
  const { choices } = await collect(await unasked.provider(chat()));
  assert.equal(choices[0]?.message.content, "Hello");
});

test("the body is sent as it came, but for the call", async () => {
  const { provider, upstream } = setUp(json(200, COMPLETION));
  const body = parseJson(
    '{"model":"m","messages":[{"role":"user","content":"é","cache_control":{"type":"ephemeral"}}],"seed":5,"x":9007199254740993}',
  ) as ChatBody;
  await provider({ ...body, call: createCall() });
  assert.deepEqual(JSON.parse(upstream.sent(0)), JSON.parse(JSON.stringify(body)));
  assert.ok(upstream.sent(0).includes('"x":9007199254740993'));
});

test("a call is a POST to the completions below the base URL", async () => {
  const bases = {
    "https://api.openai.com/v1": ["https://api.openai.com", "/v1/chat/completions"],
    "http://127.0.0.1:11434/v1/": ["http://127.0.0.1:11434", "/v1/chat/completions"],
    "https://host.test": ["https://host.test", "/chat/completions"],
    "https://host.test/a/b%20c": ["https://host.test", "/a/b%20c/chat/completions"],
  };
  for (const [baseUrl, [origin, path]] of Object.entries(bases)) {
    const { provider, upstream } = setUp(json(200, COMPLETION), { baseUrl });
    await provider(chat());
    const { method, origin: sentTo, path: sentPath } = upstream.requests[0] ?? {};
    assert.deepEqual([method, String(sentTo), sentPath], ["POST", origin, path]);
  }
});

test("without a base URL a call goes to OpenAI", async () => {
  const upstream = new Upstream(json(200, COMPLETION));
  await openai({ dispatcher: upstream })(chat());
  assert.equal(
    `${upstream.requests[0]?.origin}${upstream.requests[0]?.path}`,
    "https://api.openai.com/v1/chat/completions",
  );
});

test("the provider's key and headers are sent, and nothing of the caller's", async () => {
  const { provider, upstream } = setUp(json(200, COMPLETION), { headers: { "openai-organization": "org-1" } });
  const headers = {
    authorization: "Bearer callers",
    cookie: "a=b",
    "x-api-key": "callers",
    "x-forwarded-for": "1.2.3.4",
  };
  await provider(chat("Hi", { id: "id-1", headers }));
  assert.deepEqual(upstream.requests[0]?.headers, {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "accept-encoding": "identity",
    "user-agent": "gatewright",
    "openai-organization": "org-1",
    authorization: `Bearer ${KEY}`,
  });
  assert.doesNotMatch(JSON.stringify(upstream.requests[0]), /callers|1\.2\.3\.4/);
});

test("a service without keys gets none", async () => {
  const upstream = new Upstream(json(200, COMPLETION));
  await openai({ dispatcher: upstream })(chat());
  assert.equal(Object.hasOwn(Object(upstream.requests[0]?.headers), "authorization"), false);
});

test("a stream is asked for its usage, and the caller's other stream options stay", async () => {
  const asked = async (body: object, options?: OpenAIOptions): Promise<unknown> => {
    const { provider, upstream } = setUp(json(200, COMPLETION), options);
    await provider(chat(body));
    return JSON.parse(upstream.sent(0)).stream_options;
  };
  assert.deepEqual(await asked({ stream: true }), { include_usage: true });
  assert.deepEqual(await asked({ stream: true, stream_options: null }), { include_usage: true });
  assert.deepEqual(
    await asked({ stream: true, stream_options: { include_usage: false, include_obfuscation: false } }),
    {
      include_usage: true,
      include_obfuscation: false,
    },
  );
  assert.equal(await asked({}), undefined);
  assert.equal(await asked({ stream: false }), undefined);
  assert.equal(await asked({ stream: true }, { streamUsage: false }), undefined);
  assert.deepEqual(await asked({ stream: true, stream_options: { include_usage: true } }, { streamUsage: false }), {
    include_usage: true,
  });
});

test("a reply says which provider and which model gave it, and passes no other header on", async () => {
  const headers = { "set-cookie": ["a=b", "c=d"], server: "x", "x-api-key": KEY, "x-ratelimit-remaining": "1" };
  for (const answer of [
    json(200, COMPLETION, headers),
    sse(
      [chunk({ content: "a" }, "stop", { model: "gpt-4o-2024" })].map((each) => JSON.stringify(each)),
      headers,
    ),
  ]) {
    const reply = await setUp(answer, { name: "azure" }).provider(chat({ model: "gpt-4o" }));
    assert.deepEqual(reply.headers, { "x-gateway-provider": "azure", "x-gateway-model": "gpt-4o-2024" });
    await discard(reply);
  }
});

test("a provider that does not say its model gave the one that was asked for", async () => {
  for (const model of [undefined, null, ""]) {
    const reply = await setUp(json(200, { ...COMPLETION, model })).provider(chat({ model: "gpt-4o" }));
    assert.equal(reply.headers["x-gateway-model"], "gpt-4o", String(model));
  }
});

test("whatever a provider calls its model, the header can be sent", async () => {
  for (const model of ["模型-1", "a\r\nset-cookie: b", "a\0b", "x".repeat(100_000), 5, {}, ["a"]]) {
    const name = { ...COMPLETION, model };
    const streamed = [JSON.stringify({ ...CHUNKS[1], model }), JSON.stringify(CHUNKS[3])];
    for (const answer of [json(200, name), sse(streamed)]) {
      const reply = await setUp(answer).provider(chat({ model: "gpt-4o" }));
      assert.match(String(reply.headers["x-gateway-model"]), /^[\x21-\x7e]{1,256}$/);
      assert.equal(typeof reply.headers["x-gateway-model"], "string");
      await discard(reply);
    }
  }
});

test("a completion without a finish reason has ended, and so is complete", async () => {
  for (const finish_reason of [undefined, null]) {
    const choices = [{ index: 0, message: { role: "assistant", content: "a" }, finish_reason }];
    const got = await collect(await setUp(json(200, { ...COMPLETION, choices })).provider(chat()));
    assert.equal(got.choices[0]?.finish_reason, "stop");
  }
});

test("an attempt is noted with what the provider calls the call, and what it has used", async () => {
  const { provider } = setUp(json(200, COMPLETION, { "x-request-id": "req_1" }), { name: "azure" });
  const request = chat({ model: "gpt-4o" });
  await provider(request);
  const [attempt, ...more] = request.call.context.get(attempts);
  assert.equal(more.length, 0);
  const { durationMs, startedAt = 0, ...rest } = attempt ?? { durationMs: -1 };
  const { usage } = COMPLETION;
  assert.deepEqual(rest, { provider: "azure", model: "gpt-4o", status: 200, upstreamRequestId: "req_1", usage });
  assert.ok(durationMs >= 0 && Math.abs(Date.now() - startedAt) < 5000);
});

test("an attempt lasts until its answer has ended, or until it failed, and tells of its first chunk", async (t) => {
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  const begins = setUp((exchange) => {
    now += 250;
    start(exchange);
  });
  const request = chat();
  const reply = await begins.provider(request);
  now += 5000;
  await discard(reply);
  const fails = setUp((exchange) => {
    now += 40;
    exchange.fail(coded("ECONNREFUSED"));
  });
  await assert.rejects(fails.provider(request));
  assert.deepEqual(
    request.call.context.get(attempts).map(({ firstTokenMs, durationMs }) => [firstTokenMs, durationMs]),
    [
      [250, 5250],
      [undefined, 40],
    ],
  );
});

test("a failed attempt is noted with its code, and so is one that was never answered", async () => {
  const request = chat({ model: "gpt-4o" });
  const answered = setUp(json(503, { error: { message: "busy" } }, { "x-request-id": "req_1" }));
  await assert.rejects(answered.provider(request));
  const refused = setUp((exchange) => exchange.fail(coded("ECONNREFUSED")));
  await assert.rejects(refused.provider(request));
  const begun = setUp(sse([]));
  await assert.rejects(begun.provider(request));
  assert.deepEqual(
    request.call.context.get(attempts).map(({ durationMs: _, startedAt: __, ...rest }) => rest),
    [
      { provider: "test", model: "gpt-4o", status: 503, upstreamRequestId: "req_1", code: "llm.provider.overloaded" },
      { provider: "test", model: "gpt-4o", code: "llm.provider.unreachable" },
      { provider: "test", model: "gpt-4o", status: 200, code: "llm.stream.interrupted" },
    ],
  );
});

test("fields that only a gateway knows are refused by name, before any call", async () => {
  const { provider, upstream } = setUp(json(200, COMPLETION));
  const request = chat({ fallbacks: [], transcript_id: "t", model_region: "global" });
  const error = await failure(() => provider(request));
  assert.equal(error.code, "llm.request.unsupported_parameter");
  assert.equal(error.status, 400);
  assert.deepEqual(
    error.issues.map(({ path }) => path),
    ["fallbacks", "transcript_id", "model_region"],
  );
  assert.equal(upstream.requests.length, 0);
  assert.deepEqual(request.call.context.get(attempts), []);
});

interface Expected {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
}
const said = (more: object = {}): object => ({
  error: { message: "why not", type: null, param: null, code: null, ...more },
});
const bad: Expected = { code: "llm.provider.bad_response", status: 502, retryable: true };
/** What would be the same the next time. */
const lasting: Expected = { ...bad, retryable: false };

/** What a provider's answers mean to a caller: docs/providers.md. */
const ANSWERS: Readonly<Record<string, readonly [answer: Answer, expected: Expected]>> = {
  "400 with an error": [json(400, said()), { code: "llm.provider.rejected", status: 400, retryable: false }],
  "400 for the context": [
    json(400, said({ code: "context_length_exceeded" })),
    { code: "llm.request.context_length", status: 400, retryable: false },
  ],
  "400 for the content": [
    json(400, said({ code: "content_policy_violation" })),
    { code: "llm.provider.rejected", status: 400, retryable: false },
  ],
  "400 in HTML": [html(400), lasting],
  "401 with an error": [
    json(401, said({ code: "invalid_api_key" })),
    { code: "llm.provider.auth", status: 502, retryable: false },
  ],
  "401 in HTML": [html(401), { code: "llm.provider.auth", status: 502, retryable: false }],
  "403 with an error": [json(403, said()), { code: "llm.provider.auth", status: 502, retryable: false }],
  "403 for the model": [
    json(403, said({ code: "model_not_found" })),
    { code: "llm.model.not_found", status: 404, retryable: false },
  ],
  "403 in HTML": [html(403), lasting],
  "403 in JSON of something else": [json(403, { message: "blocked" }), lasting],
  "402 with an error": [json(402, said()), { code: "llm.provider.quota_exhausted", status: 429, retryable: false }],
  "404 with an error": [
    json(404, said({ code: "model_not_found" })),
    { code: "llm.model.not_found", status: 404, retryable: false },
  ],
  "404 in HTML": [html(404), lasting],
  "404 in JSON of something else": [json(404, { message: "no Route matched" }), lasting],
  "405 in HTML": [html(405), lasting],
  "408 with an error": [json(408, said()), { code: "llm.provider.server_error", status: 502, retryable: true }],
  "409 with an error": [json(409, said()), { code: "llm.provider.rejected", status: 409, retryable: true }],
  "413 with an error": [json(413, said()), { code: "llm.provider.rejected", status: 413, retryable: false }],
  "413 in HTML": [html(413), lasting],
  "418 with an error": [json(418, said()), { code: "llm.provider.rejected", status: 400, retryable: false }],
  "422 with an error": [json(422, said()), { code: "llm.provider.rejected", status: 422, retryable: false }],
  "425 with nothing": [text(425, ""), { code: "llm.provider.server_error", status: 502, retryable: true }],
  "429 with an error": [
    json(429, said({ type: "requests", code: "rate_limit_exceeded" })),
    { code: "llm.provider.rate_limited", status: 429, retryable: true },
  ],
  "429 in HTML": [html(429), { code: "llm.provider.rate_limited", status: 429, retryable: true }],
  "429 for the quota": [
    json(429, said({ code: "insufficient_quota" })),
    { code: "llm.provider.quota_exhausted", status: 429, retryable: false },
  ],
  "429 for the quota, as a type": [
    json(429, said({ type: "insufficient_quota" })),
    { code: "llm.provider.quota_exhausted", status: 429, retryable: false },
  ],
  "500 with an error": [json(500, said()), { code: "llm.provider.server_error", status: 502, retryable: true }],
  "500 with nothing": [text(500, ""), { code: "llm.provider.server_error", status: 502, retryable: true }],
  "502 in HTML": [html(502), { code: "llm.provider.server_error", status: 502, retryable: true }],
  "503 with an error": [json(503, said()), { code: "llm.provider.overloaded", status: 503, retryable: true }],
  "504 in HTML": [html(504), { code: "llm.provider.server_error", status: 502, retryable: true }],
  "529 with an error": [
    json(529, said({ type: "overloaded_error" })),
    { code: "llm.provider.overloaded", status: 503, retryable: true },
  ],
  "an error status as a stream": [
    sse([JSON.stringify(said())], {}, 503),
    { code: "llm.provider.overloaded", status: 503, retryable: true },
  ],
  "a redirect": [text(302, "", { location: "http://169.254.169.254/" }), lasting],
  "a redirect to several places": [text(300, "", { location: "http://169.254.169.254/" }), lasting],
  "a status of the last kind of redirect": [text(399, ""), lasting],
  "a redirect that keeps the method": [text(307, "", { location: "http://169.254.169.254/" }), lasting],
  "a compressed answer": [json(200, COMPLETION, { "content-encoding": "gzip, gzip" }), lasting],
  "200 with an error": [
    json(200, said({ type: "server_error" })),
    { code: "llm.provider.server_error", status: 502, retryable: true },
  ],
  "200 with an error that has a status": [
    json(200, said({ code: 429 })),
    { code: "llm.provider.rate_limited", status: 429, retryable: true },
  ],
  "200 with an error that has a status and a name for it": [
    json(200, [{ error: { code: 429, message: "why not", status: "RESOURCE_EXHAUSTED" } }]),
    { code: "llm.provider.rate_limited", status: 429, retryable: true },
  ],
  "200 with an error that has a name in capitals": [
    json(200, { error: { message: "why not", status: "UNAVAILABLE" } }),
    { code: "llm.provider.overloaded", status: 503, retryable: true },
  ],
  "200 with an error for our key": [
    json(200, said({ code: "invalid_api_key" })),
    { code: "llm.provider.auth", status: 502, retryable: false },
  ],
  "200 with an error for a model it does not have": [
    json(200, said({ type: "not_found_error" })),
    { code: "llm.model.not_found", status: 404, retryable: false },
  ],
  "200 with an error of status 400": [
    json(200, said({ code: 400 })),
    { code: "llm.provider.rejected", status: 400, retryable: false },
  ],
  "200 with an error for the request": [
    json(200, said({ type: "invalid_request_error" })),
    { code: "llm.provider.rejected", status: 400, retryable: false },
  ],
  "200 with an error for the content": [
    json(200, said({ code: "content_filter" })),
    { code: "llm.provider.rejected", status: 400, retryable: false },
  ],
  "200 with an error for the context": [
    json(200, said({ code: "context_length_exceeded" })),
    { code: "llm.request.context_length", status: 400, retryable: false },
  ],
  "200 with an error in words": [
    json(200, { error: "why not" }),
    { code: "llm.provider.server_error", status: 502, retryable: true },
  ],
  "200 in HTML": [html(200), bad],
  "200 with nothing": [text(200, ""), bad],
  "200 with JSON that is cut": [text(200, '{"id":"chatcmpl-1","choices":[{"ind'), bad],
  "200 with JSON that is too deep": [text(200, `${"[".repeat(5000)}${"]".repeat(5000)}`), bad],
  "200 with other JSON": [json(200, { ok: true }), bad],
  "200 with a list": [json(200, []), bad],
  "200 with null": [text(200, "null"), bad],
  "200 without choices": [json(200, { ...COMPLETION, choices: [] }), bad],
  "200 with choices of something else": [json(200, { ...COMPLETION, choices: [{ index: 0, text: "a" }] }), bad],
  "204": [text(204, ""), bad],
  "a stream without an event": [sse([]), { code: "llm.stream.interrupted", status: 502, retryable: true }],
  "a stream of [DONE] alone": [sse(["[DONE]"]), { code: "llm.stream.interrupted", status: 502, retryable: true }],
  "a stream that ends before anything visible": [
    sse([JSON.stringify(CHUNKS[0])]),
    { code: "llm.stream.interrupted", status: 502, retryable: true },
  ],
  "a stream whose first event is an error": [
    sse([JSON.stringify(said({ type: "overloaded_error" }))]),
    { code: "llm.provider.overloaded", status: 503, retryable: true },
  ],
  "a stream whose first event is an error with a status and a name for it": [
    sse([JSON.stringify({ error: { code: 503, message: "why not", status: "UNAVAILABLE" } })]),
    { code: "llm.provider.overloaded", status: 503, retryable: true },
  ],
  "a stream whose first event is not JSON": [sse(["<html>"]), bad],
  "a stream whose first event is no chunk": [sse(["[1]"]), bad],
  "a stream whose choices are no list": [sse(['{"choices":{}}']), bad],
  "a stream whose choice is beyond those that may be asked for": [sse(['{"choices":[{"index":128,"delta":{}}]}']), bad],
  "a stream whose choice is below none": [sse(['{"choices":[{"index":-1,"delta":{"content":"a"}}]}']), bad],
};

for (const [what, [answer, expected]] of Object.entries(ANSWERS)) {
  test(`${what} is ${expected.status} ${expected.code}`, async () => {
    const { provider, upstream } = setUp(answer);
    const error = await failure(() => provider(chat()));
    const { code, status, retryable } = error;
    assert.deepEqual({ code, status, retryable }, expected);
    assert.equal(error.phase, "before");
    assert.match(error.message, /^(test |The provider)/);
    assert.doesNotMatch(error.message, /<html|location|169\.254/);
    await settled();
    assert.equal(upstream.open, 0, "the connection is let go");
  });
}

test("what a provider says of its failure reaches the caller, with the field it names", async () => {
  const { provider } = setUp(json(400, said({ message: "max_tokens is too large", param: "max_tokens" })));
  const error = await failure(() => provider(chat()));
  assert.equal(error.message, "test refused the call: max_tokens is too large");
  assert.deepEqual(
    error.issues.map(({ path }) => path),
    ["max_tokens"],
  );
});

test("the provider's key is never shown, wherever a provider repeats it", async () => {
  const shapes = [
    said({ message: `Incorrect API key provided: ${KEY}.` }),
    said({ message: `Bearer ${KEY}`, param: KEY }),
    { error: `key=${KEY}` },
    said({ message: "why not", param: `messages[${KEY}]` }),
    said({ message: `${KEY} `.repeat(500) }),
  ];
  for (const shape of shapes) {
    for (const answer of [json(401, shape), json(400, shape), sse([JSON.stringify(shape)])]) {
      const error = await failure(() => setUp(answer).provider(chat()));
      assert.ok(!JSON.stringify([error.message, error.issues]).includes(KEY.slice(0, 6)), error.message);
    }
  }
});

test("what a provider says of the gateway's key is not shown: it may quote a part of it", async () => {
  const answer = json(401, said({ message: "Incorrect API key provided: 9f3a1c**********wxyz" }));
  const { message } = await failure(() => setUp(answer).provider(chat()));
  assert.equal(message, "test did not accept the gateway's key");
});

test("a header of one's own takes the place of the one that is sent by itself", async () => {
  const { upstream } = setUp(json(200, COMPLETION));
  const provider = openai({ headers: { "User-Agent": "mine" }, dispatcher: upstream });
  await provider(chat());
  const sent = JSON.stringify(upstream.requests[0]?.headers);
  assert.match(sent, /"user-agent":"mine"/);
  assert.doesNotMatch(sent, /User-Agent|"gatewright"/);
});

test("a key that is sent in a header of its own is never shown either", async () => {
  const answer = json(401, said({ message: `Access denied for ${KEY}` }));
  const provider = openai({ name: "azure", headers: { "api-key": KEY }, dispatcher: new Upstream(answer) });
  const error = await failure(() => provider(chat()));
  assert.ok(!error.message.includes(KEY), error.message);
});

test("a provider's words cannot forge lines, and are not endless", async () => {
  const answer = json(400, said({ message: `a\r\n\u001b[31m${"b".repeat(100_000)}` }));
  const { message } = await failure(() => setUp(answer).provider(chat()));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  assert.doesNotMatch(message, /[\r\u001b]/);
  assert.ok(message.length < 1200);
});

test("the wait that a provider asks for is told, and whether to try again at all", async () => {
  const told = async (headers: Headers): Promise<unknown> => {
    const { retryAfterMs, retryable } = await failure(() => setUp(json(429, said(), headers)).provider(chat()));
    return [retryAfterMs, retryable];
  };
  assert.deepEqual(await told({ "retry-after": "2" }), [2000, true]);
  assert.deepEqual(await told({ "retry-after": "2", "retry-after-ms": "1500" }), [1500, true]);
  assert.deepEqual(await told({ "x-should-retry": "false" }), [undefined, false]);
  assert.deepEqual(await told({ "retry-after": "soon" }), [undefined, true]);
  assert.deepEqual(await told({}), [undefined, true]);
  const final = await failure(() => setUp(json(500, said(), { "x-should-retry": "false" })).provider(chat()));
  assert.equal(final.retryable, false);
  const again = await failure(() => setUp(json(400, said(), { "x-should-retry": "true" })).provider(chat()));
  assert.equal(again.retryable, true);
});

const CONNECTION: Readonly<Record<string, readonly [code: string, status: number]>> = {
  ENOTFOUND: ["llm.provider.unreachable", 502],
  EAI_AGAIN: ["llm.provider.unreachable", 502],
  ECONNREFUSED: ["llm.provider.unreachable", 502],
  ECONNRESET: ["llm.provider.unreachable", 502],
  EPIPE: ["llm.provider.unreachable", 502],
  UND_ERR_SOCKET: ["llm.provider.unreachable", 502],
  CERT_HAS_EXPIRED: ["llm.provider.unreachable", 502],
  ERR_TLS_CERT_ALTNAME_INVALID: ["llm.provider.unreachable", 502],
  SOMETHING_NEW: ["llm.provider.unreachable", 502],
  UND_ERR_CONNECT_TIMEOUT: ["llm.timeout.connect", 504],
  UND_ERR_HEADERS_TIMEOUT: ["llm.timeout.first_token", 504],
  UND_ERR_HEADERS_OVERFLOW: ["llm.provider.bad_response", 502],
};

for (const [reason, [code, status]] of Object.entries(CONNECTION)) {
  test(`a connection that fails with ${reason} is ${status} ${code}, retryable, and tells no address`, async () => {
    const { provider } = setUp((exchange) => exchange.fail(coded(reason)));
    const error = await failure(() => provider(chat()));
    assert.equal(error.code, code);
    assert.equal(error.status, status);
    assert.equal(error.phase, "before");
    assert.equal(error.origin, "upstream");
    assert.equal(error.retryable, true);
    assert.match(error.message, /^test /);
    assert.doesNotMatch(error.message, /10\.0\.0\.1/);
    assert.ok(error.cause instanceof Error);
  });
}

test("an answer that is cut before anything was visible is interrupted before the answer", async () => {
  const cuts: Answer[] = [
    (exchange) => {
      exchange.head(200, { "content-type": "application/json" });
      exchange.data('{"id":"chatcmpl-1",');
      exchange.fail(coded("ECONNRESET"));
    },
    (exchange) => {
      exchange.head(200, { "content-type": "text/event-stream" });
      exchange.data(`data: ${JSON.stringify(CHUNKS[0])}\n\ndata: {"cho`);
      exchange.fail(coded("UND_ERR_SOCKET"));
    },
  ];
  for (const cut of cuts) {
    const error = await failure(() => setUp(cut).provider(chat()));
    assert.equal(error.code, "llm.stream.interrupted");
    assert.equal(error.phase, "before");
    assert.equal(error.retryable, true);
  }
});

test("an answer that stops coming is an idle timeout, before or during the answer", async () => {
  const json = setUp((exchange) => {
    exchange.head(200, { "content-type": "application/json" });
    exchange.fail(coded("UND_ERR_BODY_TIMEOUT"));
  });
  const before = await failure(() => json.provider(chat()));
  assert.deepEqual([before.code, before.phase], ["llm.timeout.idle", "before"]);
  const streamed = setUp((exchange) => {
    start(exchange);
    setImmediate(() => exchange.fail(coded("UND_ERR_BODY_TIMEOUT")));
  });
  const reply = await streamed.provider(chat());
  const during = await failure(() => all(reply.chunks));
  assert.deepEqual([during.code, during.phase], ["llm.timeout.idle", "during"]);
});

/** What may happen in the middle of a stream, and the code that it ends with. */
const MIDDLES: Readonly<Record<string, readonly [(exchange: Exchange) => void, string]>> = {
  "an end without a finish": [(exchange) => exchange.end(), "llm.stream.interrupted"],
  "[DONE] without a finish": [
    (exchange) => {
      exchange.data("data: [DONE]\n\n");
      exchange.end();
    },
    "llm.stream.interrupted",
  ],
  "a reset": [(exchange) => exchange.fail(coded("ECONNRESET")), "llm.stream.interrupted"],
  "half an event": [
    (exchange) => {
      exchange.data('data: {"choices":[]');
      exchange.end();
    },
    "llm.stream.interrupted",
  ],
  "an error event": [
    (exchange) => exchange.data(`data: ${JSON.stringify(said({ code: "rate_limit_exceeded" }))}\n\n`),
    "llm.provider.rate_limited",
  ],
  "an event that is not JSON": [
    (exchange) => exchange.data('data: {"choices":[{"delta":{"con\n\n'),
    "llm.provider.bad_response",
  ],
  "an event that is no chunk": [(exchange) => exchange.data("data: 7\n\n"), "llm.provider.bad_response"],
  "an event that is too large": [
    (exchange) => {
      for (let sent = 0; sent < 40; sent++) exchange.data("data: ".padEnd(64 * 1024, "x"));
    },
    "llm.provider.bad_response",
  ],
};

for (const [what, [happens, code]] of Object.entries(MIDDLES)) {
  test(`${what} in the middle of a stream ends it with ${code}, after what came before`, async () => {
    const { provider, upstream } = setUp((exchange) => {
      start(exchange);
      // Later, because a connection that is lost takes with it what nobody has read yet.
      setImmediate(happens, exchange);
    });
    const request = chat({ stream: true });
    const reply = await provider(request);
    const got: ChatChunk[] = [];
    const error = await failure(async () => {
      for await (const each of reply.chunks) got.push(each);
    });
    assert.deepEqual(got, CHUNKS.slice(0, 2));
    assert.equal(error.code, code);
    assert.equal(error.phase, "during");
    await settled();
    assert.equal(upstream.open, 0);
    assert.equal(request.call.context.get(attempts).length, 1);
  });
}

test("comments, named events and what comes after [DONE] are no chunks", async () => {
  const { provider } = setUp((exchange) => {
    exchange.head(200, { "content-type": "Text/Event-Stream; charset=utf-8" });
    exchange.data(": ping\n\nevent: ping\n\n");
    exchange.data(CHUNKS.map((each) => `data: ${JSON.stringify(each)}\r\n\r\n`).join(": ping\n\n"));
    exchange.data(`data: [DONE]\n\ndata: ${JSON.stringify(CHUNKS[1])}\n\n`);
    exchange.end();
  });
  assert.deepEqual(await all((await provider(chat())).chunks), CHUNKS);
});

test("a stream that has finished needs no [DONE]", async () => {
  const { provider } = setUp(sse(CHUNKS.map((each) => JSON.stringify(each))));
  assert.deepEqual(await all((await provider(chat())).chunks), CHUNKS);
});

test("what a stream adds to an answer after its finish is no part of it, and its usage is passed on", async () => {
  const late = chunk({ content: "more" });
  const again = chunk({ content: "even more" }, "length");
  const empty = chunk({}, null, { choices: [] });
  const events = [...CHUNKS, late, empty, again, USAGE];
  const { provider } = setUp(sse([...events.map((each) => JSON.stringify(each)), "[DONE]"]));
  const chunks = await all((await provider(chat({ stream: true }))).chunks);
  assert.deepEqual(chunks.slice(0, CHUNKS.length), CHUNKS);
  assert.deepEqual(
    chunks.slice(CHUNKS.length).flatMap(({ choices }) => choices.map(({ delta }) => delta)),
    [{}, {}],
  );
  assert.deepEqual(
    chunks.filter(({ choices }) => choices.length === 0),
    [empty, USAGE],
  );
});

test("of several answers one goes on where another has finished", async () => {
  const of = (index: number, delta: Delta, finish_reason: string | null = null): ChatChunk =>
    chunk({}, null, { choices: [{ index, delta, finish_reason }] });
  const events = [
    of(0, { content: "a" }),
    of(1, { content: "b" }),
    of(0, {}, "stop"),
    of(1, { content: "c" }),
    of(0, { content: "x" }),
    of(1, { content: "d" }, "stop"),
  ];
  const { provider } = setUp(sse(events.map((each) => JSON.stringify(each))));
  const { choices } = await collect(await provider(chat({ stream: true, n: 2 })));
  assert.deepEqual(
    choices.map(({ message }) => message.content),
    ["a", "bcd"],
  );
});

test("chunks that lack an index, a delta or choices are completed", async () => {
  const events = [
    '{"prompt_filter_results":[]}',
    '{"choices":null,"x":1}',
    '{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}',
    '{"choices":[{"index":0,"finish_reason":"stop"},{"index":1,"delta":null,"finish_reason":"stop"}]}',
  ];
  const chunks = await all((await setUp(sse(events)).provider(chat())).chunks);
  assert.deepEqual(chunks, [
    { prompt_filter_results: [], choices: [] },
    { x: 1, choices: [] },
    {
      choices: [
        { index: 0, delta: { content: "a" } },
        { index: 1, delta: { content: "b" } },
      ],
    },
    {
      choices: [
        { index: 0, delta: {}, finish_reason: "stop" },
        { index: 1, delta: {}, finish_reason: "stop" },
      ],
    },
  ]);
});

test("an answer may be as large as the limit, and no larger", async () => {
  const body = JSON.stringify(COMPLETION);
  const fits = setUp(text(200, body), { maxResponseBytes: body.length });
  assert.equal((await collect(await fits.provider(chat()))).id, "chatcmpl-1");
  const large = setUp(text(200, body), { maxResponseBytes: body.length - 1 });
  const error = await failure(() => large.provider(chat()));
  assert.equal(error.code, "llm.provider.bad_response");
  await settled();
  assert.equal(large.upstream.open, 0);
});

test("an answer over the limit is not read on", async () => {
  let sent = 0;
  const { provider, upstream } = setUp(
    (exchange) => {
      exchange.head(200, { "content-type": "application/json" });
      while (!exchange.aborted && sent < 1000) {
        exchange.data("x".repeat(1024));
        sent++;
        if (exchange.paused) break;
      }
    },
    { maxResponseBytes: 10 * 1024 },
  );
  assert.equal((await failure(() => provider(chat()))).code, "llm.provider.bad_response");
  assert.equal(upstream.open, 0);
  assert.ok(sent < 1000);
});

test("a stream is held to the same limit", async () => {
  const piece = JSON.stringify(chunk({ content: "x".repeat(1000) }));
  const { provider, upstream } = setUp(sse(Array<string>(100).fill(piece)), { maxResponseBytes: 50_000 });
  const reply = await provider(chat());
  assert.equal((await failure(() => all(reply.chunks))).code, "llm.provider.bad_response");
  await settled();
  assert.equal(upstream.open, 0);
});

test("what is refused before its end is not read on: its connection is closed at once", async () => {
  const endless: Readonly<Record<string, (exchange: Exchange) => void>> = {
    "a redirect": (exchange) => exchange.head(300, { location: "http://169.254.169.254/" }),
    "a compressed answer": (exchange) => exchange.head(200, { "content-encoding": "gzip" }),
    "a first event that is too large": (exchange) => {
      exchange.head(200, { "content-type": "text/event-stream" });
      for (let sent = 0; sent < 40; sent++) exchange.data("data: ".padEnd(64 * 1024, "x"));
    },
    "a first event that is an error": (exchange) => {
      exchange.head(200, { "content-type": "text/event-stream" });
      exchange.data(`data: ${JSON.stringify(said())}\n\n`);
    },
  };
  for (const [what, answer] of Object.entries(endless)) {
    const { provider, upstream } = setUp(answer);
    await failure(() => provider(chat()));
    await settled();
    assert.equal(upstream.open, 0, what);
  }
});

test("a call that is over already is canceled, and so is its attempt", async () => {
  const { provider, upstream } = setUp(json(200, COMPLETION));
  const request = chat("Hi", { signal: AbortSignal.abort() });
  const error = await failure(() => provider(request));
  assert.equal(error.code, "llm.canceled");
  assert.equal(request.call.context.get(attempts)[0]?.code, "llm.canceled");
  await settled();
  assert.equal(upstream.open, 0);
});

test("a call that ends while nothing has come is canceled, and lets go of the connection", async () => {
  const call = new AbortController();
  const { provider, upstream } = setUp(() => {});
  const replying = failure(() => provider(chat("Hi", { signal: call.signal })));
  await settled();
  assert.equal(upstream.open, 1);
  call.abort();
  assert.equal((await replying).code, "llm.canceled");
  assert.equal(upstream.open, 0);
});

test("a call that ends in the middle of an answer is canceled, and lets go of the connection", async () => {
  const answers: Answer[] = [start, (exchange) => exchange.head(200, { "content-type": "application/json" })];
  for (const answer of answers) {
    const call = new AbortController();
    const { provider, upstream } = setUp(answer);
    const reading = failure(async () => {
      const reply = await provider(chat("Hi", { signal: call.signal }));
      await all(reply.chunks);
    });
    await settled();
    assert.equal(upstream.open, 1);
    call.abort();
    assert.equal((await reading).code, "llm.canceled");
    await settled();
    assert.equal(upstream.open, 0);
  }
});

test("a call that ends for a reason of ours fails with that reason", async () => {
  const call = new AbortController();
  const { provider } = setUp(() => {});
  const replying = failure(() => provider(chat("Hi", { signal: call.signal })));
  await settled();
  const reason = new GatewayError("llm.timeout.total", "too long");
  call.abort(reason);
  assert.equal((await replying).code, "llm.timeout.total");
});

test("a reply that is left in the middle lets go of the connection", async () => {
  const { provider, upstream } = setUp(start);
  const reply = await provider(chat());
  assert.equal(upstream.open, 1);
  for await (const _ of reply.chunks) break;
  await settled();
  assert.equal(upstream.open, 0);
});

test("a reply that is discarded unread lets go of the connection", async () => {
  const { provider, upstream } = setUp(start);
  await discard(await provider(chat()));
  await settled();
  assert.equal(upstream.open, 0);
});

/** A stream that has said all but [DONE], and stays open; what else was asked for, and how long that is waited for. */
const STAY_OPEN: Readonly<
  Record<string, readonly [chunks: readonly ChatChunk[], body: object, streamUsage: boolean, ms: number]>
> = {
  "its finish": [CHUNKS, {}, false, 90],
  "its usage": [[...CHUNKS, USAGE], {}, true, 90],
  "its finish, where usage was asked for": [CHUNKS, {}, true, 1000],
  "its finish, where the caller asked for usage": [CHUNKS, { stream_options: { include_usage: true } }, false, 1000],
  "the finish of both answers": [
    [...CHUNKS, chunk({}, "stop", { choices: [{ index: 1, delta: {}, finish_reason: "stop" }] })],
    { n: 2 },
    false,
    90,
  ],
};

for (const [what, [chunks, body, streamUsage, ms]] of Object.entries(STAY_OPEN)) {
  test(`a stream that stays open after ${what}, and says nothing more, ends by itself after ${ms} ms`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    t.mock.method(performance, "now", () => 1000);
    const { provider, upstream } = setUp(unfinished(chunks), { streamUsage });
    const reply = await provider(chat({ stream: true, ...body }));
    const got: ChatChunk[] = [];
    let over = false;
    const reading = (async () => {
      for await (const each of reply.chunks) got.push(each);
      over = true;
    })();
    await settled();
    assert.deepEqual(got, chunks, "what came is not held back");
    t.mock.timers.tick(ms - 1);
    await settled();
    assert.equal(over, false);
    t.mock.timers.tick(1);
    await reading;
    await settled();
    assert.equal(upstream.open, 0, "the connection is let go");
  });
}

test("a stream that trickles on after its finish, without saying anything, is not waited for any longer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 1000;
  t.mock.method(performance, "now", () => now);
  const empty = `data: ${JSON.stringify(chunk({}, null, { choices: [] }))}\n\n`;
  let trickle = (): void => {};
  const { provider, upstream } = setUp(
    (exchange) => {
      unfinished(CHUNKS)(exchange);
      trickle = () => exchange.data(empty);
    },
    { streamUsage: false },
  );
  let over = false;
  const reading = all((await provider(chat({ stream: true }))).chunks).finally(() => {
    over = true;
  });
  await settled();
  for (let waited = 0; waited < 80; waited += 20) {
    now += 20;
    t.mock.timers.tick(20);
    trickle();
    await settled();
    assert.equal(over, false);
  }
  now += 10;
  t.mock.timers.tick(10);
  await reading;
  await settled();
  assert.equal(upstream.open, 0);
});

test("a stream of which one answer has not finished is waited for", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let end = (): void => {};
  const { provider } = setUp(
    (exchange) => {
      unfinished(CHUNKS)(exchange);
      end = () => {
        exchange.data(
          `data: ${JSON.stringify(chunk({}, "stop", { choices: [{ index: 1, delta: {}, finish_reason: "stop" }] }))}\n\n`,
        );
        exchange.end();
      };
    },
    { streamUsage: false },
  );
  const reading = all((await provider(chat({ stream: true, n: 2 }))).chunks);
  await settled();
  t.mock.timers.tick(60_000);
  end();
  assert.equal((await reading).length, CHUNKS.length + 1);
});

test("usage that comes a moment after the finish is not missed, and leaves no timer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let end = (): void => {};
  const { provider, upstream } = setUp((exchange) => {
    unfinished(CHUNKS)(exchange);
    end = () => exchange.data(`data: ${JSON.stringify(USAGE)}\n\ndata: [DONE]\n\n`);
  });
  const reading = all((await provider(chat({ stream: true }))).chunks);
  await settled();
  t.mock.timers.tick(999);
  end();
  assert.deepEqual(await reading, [...CHUNKS, USAGE]);
  t.mock.timers.tick(1000);
  await settled();
  assert.equal(upstream.open, 0);
});

test("a connection that does not open is given up after the time for that, which may be chosen", async (t) => {
  const waiting: { readonly callback: () => void; readonly ms: number }[] = [];
  // Not the runner's own fake timers: undici refreshes its timer from within, which they do not follow.
  t.mock.method(globalThis, "setTimeout", (callback: () => void, ms: number) => {
    waiting.push({ callback, ms });
    return { unref() {} };
  });
  // A socket that is told to connect, and never does.
  t.mock.method(net, "connect", () => new net.Socket());
  const givenUpAfter = async (options: OpenAIOptions): Promise<number> => {
    let code: string | undefined;
    const provider = openai({ baseUrl: "http://192.0.2.1/v1", ...options });
    failure(() => provider(chat())).then((error) => {
      code = error.code;
    }, assert.ifError);
    await settled();
    let waited = 0;
    for (let next = waiting.shift(); next && code === undefined; next = waiting.shift()) {
      waited += next.ms;
      next.callback();
      await settled();
    }
    assert.equal(code, "llm.timeout.connect");
    return waited;
  };
  // Such timers are exact to a second.
  assert.ok(Math.abs((await givenUpAfter({})) - 2500) <= 1000);
  assert.ok(Math.abs((await givenUpAfter({ connectTimeoutMs: 20_000 })) - 20_000) <= 1000);
});

test("a connection that stays open after [DONE] is given up a moment later", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { provider, upstream } = setUp((exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    exchange.data(`${CHUNKS.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("")}data: [DONE]\n\n`);
  });
  assert.deepEqual(await all((await provider(chat())).chunks), CHUNKS);
  await settled();
  assert.equal(upstream.open, 1);
  t.mock.timers.tick(1000);
  await settled();
  assert.equal(upstream.open, 0);
});

test("the end of a call does not close a connection that has said all, and closes one that has not", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const events = CHUNKS.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
  for (const [last, open] of [
    ["data: [DONE]\n\n", 1],
    ["", 0],
  ] as const) {
    let end = (): void => {};
    const { provider, upstream } = setUp((exchange) => {
      end = () => exchange.end();
      exchange.head(200, { "content-type": "text/event-stream" });
      exchange.data(events + last);
    });
    const call = new AbortController();
    const iterator = (await provider(chat("Hi", { signal: call.signal }))).chunks[Symbol.asyncIterator]();
    for (let read = 0; read < CHUNKS.length; read++) await iterator.next();
    if (last) assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    call.abort();
    await settled();
    assert.equal(upstream.open, open);
    end();
    assert.equal(upstream.open, 0);
  }
});

test("a gateway over a provider answers, counts its attempts, and tells callers nothing of the key", async () => {
  const { provider } = setUp(json(401, said({ message: `Incorrect API key provided: ${KEY}` })));
  const api = gateway(provider, { clock: fakeClock() });
  const reply = await api.handle({
    method: "POST",
    path: "/chat/completions",
    headers: { "content-type": "application/json" },
    address: undefined,
    signal: new AbortController().signal,
    body: { parsed: { model: "m", prompt: "Hi" } },
  });
  assert.equal(reply.status, 502);
  assert.equal(reply.headers["x-gateway-attempts"], "1");
  assert.equal(reply.headers["www-authenticate"], undefined);
  assert.ok(!JSON.stringify(reply).includes(KEY));
});

test("the models of a provider are asked for below the same base URL, with the same key", async () => {
  const models = [{ id: "a", object: "model", created: 1, owned_by: "x" }, { id: "b" }];
  const { provider, upstream } = setUp(json(200, { object: "list", data: models }));
  assert.deepEqual(await provider.models(createCall()), models);
  const { method, origin, path, body, headers } = upstream.requests[0] ?? {};
  assert.deepEqual([method, String(origin), path, body], ["GET", "https://host.test", "/v1/models", null]);
  assert.equal(Reflect.get(Object(headers), "authorization"), `Bearer ${KEY}`);
});

const NO_MODELS: Readonly<Record<string, readonly [Answer, string]>> = {
  "401": [json(401, said()), "llm.provider.auth"],
  "404 in HTML": [html(404), "llm.provider.bad_response"],
  "503": [json(503, said()), "llm.provider.overloaded"],
  "a redirect": [text(302, ""), "llm.provider.bad_response"],
  "an error in a 200": [json(200, said()), "llm.provider.server_error"],
  HTML: [html(200), "llm.provider.bad_response"],
  "other JSON": [json(200, { data: {} }), "llm.provider.bad_response"],
  "a list of something else": [json(200, { data: [{ name: "a" }] }), "llm.provider.bad_response"],
  "a refused connection": [(exchange) => exchange.fail(coded("ECONNREFUSED")), "llm.provider.unreachable"],
};

for (const [what, [answer, code]] of Object.entries(NO_MODELS)) {
  test(`${what} in place of the models is ${code}`, async () => {
    const { provider, upstream } = setUp(answer);
    assert.equal((await failure(() => provider.models(createCall()))).code, code);
    await settled();
    assert.equal(upstream.open, 0);
  });
}

test("a call for the models that is over is canceled", async () => {
  const { provider } = setUp(() => {});
  assert.equal(
    (await failure(() => provider.models(createCall({ signal: AbortSignal.abort() })))).code,
    "llm.canceled",
  );
});

const BAD_OPTIONS: Readonly<Record<string, readonly OpenAIOptions[]>> = {
  baseUrl: [
    "",
    "api.openai.com/v1",
    "/v1",
    "ftp://host.test/v1",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "https://host.test/v1?key=1",
    "https://host.test/v1#x",
    "https://user:pass@host.test/v1",
    "https://user@host.test/v1",
    "https://",
    "https://host.test:99999/v1",
  ].map((baseUrl) => ({ baseUrl })),
  apiKey: ["", `${KEY}\n`, ` ${KEY}`, `${KEY}\r\nx: y`, "schlüssel-日本"].map((apiKey) => ({ apiKey })),
  name: ["a\r\nx: y", "模型"].map((name) => ({ name })),
  headers: [{ "x-a": "a\r\nb" }, { "x-a": "模型" }, { "bad name": "a" }, { "": "a" }].map((headers) => ({ headers })),
  maxResponseBytes: [0, -1, Number.NaN].map((maxResponseBytes) => ({ maxResponseBytes })),
  connectTimeoutMs: [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 600_001].map((connectTimeoutMs) => ({
    connectTimeoutMs,
  })),
};

for (const [name, values] of Object.entries(BAD_OPTIONS)) {
  test(`a ${name} that cannot be used is refused at the start, by name and without the key`, () => {
    for (const options of values) {
      assert.throws(
        () => openai({ ...options, dispatcher: new Upstream(() => {}) }),
        (error) =>
          error instanceof TypeError &&
          error.message.includes(name) &&
          !/pass|Zq7R/.test(error.message.replace("password", "")),
        JSON.stringify(options),
      );
    }
  });
}

type Headers = Readonly<Record<string, string | string[]>>;

/** One request that a provider has sent, and the answer to it, made by hand. */
interface Exchange {
  readonly aborted: boolean;
  readonly paused: boolean;
  head(status: number, headers: Headers): void;
  data(text: string): void;
  end(): void;
  fail(error: Error): void;
}

type Answer = (exchange: Exchange) => void;

/** A dispatcher without a network: every request is answered by hand. */
class Upstream extends Dispatcher {
  readonly requests: Dispatcher.DispatchOptions[] = [];
  /** How many requests are neither answered to their end nor given up. */
  open = 0;
  readonly #answer: Answer;

  constructor(answer: Answer) {
    super();
    this.#answer = answer;
  }

  sent(position: number): string {
    return String(this.requests[position]?.body);
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.requests.push(options);
    this.open++;
    let over = false;
    let paused = false;
    const close = (then: () => void): void => {
      if (over) return;
      over = true;
      this.open--;
      then();
    };
    let reason: Error | null = null;
    const controller: Dispatcher.DispatchController = {
      get aborted() {
        return reason !== null;
      },
      get paused() {
        return paused;
      },
      get reason() {
        return reason;
      },
      abort(error) {
        reason = error;
        close(() => handler.onResponseError?.(controller, error));
      },
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
      },
    };
    const exchange: Exchange = {
      get aborted() {
        return over;
      },
      get paused() {
        return paused;
      },
      // A copy: what undici gives is a plain object of its own.
      head: (status, headers) => over || handler.onResponseStart?.(controller, status, { ...headers }, ""),
      data: (text) => over || handler.onResponseData?.(controller, Buffer.from(text)),
      end: () => close(() => handler.onResponseEnd?.(controller, {})),
      fail: (error) => close(() => handler.onResponseError?.(controller, error)),
    };
    handler.onRequestStart?.(controller, {});
    queueMicrotask(() => {
      if (!over) this.#answer(exchange);
    });
    return true;
  }
}

function setUp(
  answer: Answer,
  options: OpenAIOptions = {},
): { provider: ReturnType<typeof openai>; upstream: Upstream } {
  const upstream = new Upstream(answer);
  const known = { name: "test", apiKey: KEY, baseUrl: "https://host.test/v1" };
  return { provider: openai({ ...known, dispatcher: upstream, ...options }), upstream };
}

function text(status: number, body: string, headers: Headers = {}): Answer {
  return (exchange) => {
    exchange.head(status, { "content-type": "application/json", ...headers });
    // In two pieces, so that nothing relies on one.
    exchange.data(body.slice(0, body.length / 2));
    exchange.data(body.slice(body.length / 2));
    exchange.end();
  };
}

function json(status: number, body: unknown, headers: Headers = {}): Answer {
  return text(status, JSON.stringify(body), headers);
}

function html(status: number): Answer {
  return text(status, "<html><body>location: 169.254.169.254</body></html>", { "content-type": "text/html" });
}

function sse(events: readonly string[], headers: Headers = {}, status = 200): Answer {
  return (exchange) => {
    exchange.head(status, { "content-type": "text/event-stream", ...headers });
    for (const event of events) exchange.data(`data: ${event}\n\n`);
    exchange.end();
  };
}

/** A stream of these chunks that neither says [DONE] nor closes. */
function unfinished(chunks: readonly ChatChunk[]): Answer {
  return (exchange) => {
    exchange.head(200, { "content-type": "text/event-stream" });
    for (const each of chunks) exchange.data(`data: ${JSON.stringify(each)}\n\n`);
  };
}

/** The beginning of a stream that shows something, and is not over. */
function start(exchange: Exchange): void {
  exchange.head(200, { "content-type": "text/event-stream" });
  for (const each of CHUNKS.slice(0, 2)) exchange.data(`data: ${JSON.stringify(each)}\n\n`);
}

function chunk(delta: Delta, finish_reason: string | null = null, more: object = {}): ChatChunk {
  return {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 7,
    choices: [{ index: 0, delta, finish_reason }],
    ...more,
  };
}

function coded(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.1:443`), { code });
}

async function failure(run: () => Promise<unknown>): Promise<GatewayError> {
  const thrown: unknown = await run().then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof GatewayError)) throw thrown;
  return thrown;
}

async function all(chunks: ChatReply["chunks"]): Promise<ChatChunk[]> {
  const read: ChatChunk[] = [];
  for await (const each of chunks) read.push(each);
  return read;
}

/** Lets what is ready run: undici tells of a closed body on a later turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
