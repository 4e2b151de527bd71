import assert from "node:assert/strict";
import { test } from "node:test";
import { setAnswerHeaders } from "./answer-headers.ts";
import { attempts } from "./attempts.ts";
import type { Call } from "./call.ts";
import type { ChatReply, Handler } from "./chat.ts";
import { envelopes } from "./envelope.ts";
import { type Attempt, GatewayError } from "./error.ts";
import { type GatewayOptions, gateway } from "./gateway.ts";
import type { HttpReply, HttpRequest } from "./http.ts";
import { textReply } from "./reply.ts";
import { chat, chunksOf, fakeClock, scripted } from "./testing.ts";

const COMMENT = ": keep-alive\n\n";
const BODY = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const busy = new GatewayError("llm.provider.overloaded", "busy", { retryAfterMs: 1500 });
const cut = chunksOf("a").slice(0, 2);

test("a completion is answered as JSON, with the call's id in header and body", async () => {
  const reply = await gateway(scripted("Hello")).handle(post(BODY, { headers: { "x-request-id": "id-1" } }));
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.headers, { "content-type": "application/json", "x-request-id": "id-1" });
  const { id, created, ...rest } = jsonOf(reply);
  assert.match(String(id), /^chatcmpl-/);
  assert.ok(Number.isInteger(created));
  assert.deepEqual(rest, {
    object: "chat.completion",
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
    request_id: "id-1",
  });
});

test("the handler gets the body and beside it the call", async () => {
  const handler = scripted("Hello");
  const http = post({ ...BODY, x: 1 }, { headers: { "x-request-id": "id-1", "x-a": "b" }, address: "192.0.2.1" });
  await gateway(handler).handle(http);
  const { call, ...body } = handler.requests[0] ?? chat();
  assert.deepEqual(body, { ...BODY, x: 1 });
  assert.equal(call.id, "id-1");
  assert.equal(call.headers, http.headers);
  assert.equal(call.address, "192.0.2.1");
  assert.equal(call.signal, http.signal);
});

test("a call of a body cannot stand for the gateway's", async () => {
  const handler = scripted();
  const reply = await gateway(handler).handle(post({ ...BODY, call: { id: "forged" } }));
  assert.equal(reply.status, 400);
  assert.equal(handler.requests.length, 0);
});

test("a request id that is not well formed is replaced, in header and body", async () => {
  const reply = await gateway(scripted("a")).handle(post(BODY, { headers: { "x-request-id": "a b" } }));
  assert.match(reply.headers["x-request-id"] ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(jsonOf(reply).request_id, reply.headers["x-request-id"]);
});

test("a streamed answer of a handler is collected for a caller who wants JSON", async () => {
  const { choices } = jsonOf(await gateway(scripted(chunksOf("Hel", "lo"))).handle(post(BODY)));
  assert.deepEqual(choices, [{ index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }]);
});

test("a caller who wants a stream gets events, whatever the handler answers", async () => {
  for (const outcome of ["Hello", chunksOf("Hello")]) {
    const reply = await gateway(scripted(outcome)).handle(post({ ...BODY, stream: true }));
    assert.equal(reply.status, 200);
    assert.equal(reply.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(reply.headers["cache-control"], "no-cache, no-transform");
    assert.ok(reply.headers["x-request-id"]);
    assert.match(await textOf(reply), /^data: \{.*"Hello".*\n\ndata: \[DONE\]\n\n$/s);
  }
});

test("a null stream is no stream", async () => {
  const reply = await gateway(scripted("Hello")).handle(post({ ...BODY, stream: null }));
  assert.equal(reply.headers["content-type"], "application/json");
});

test("the usage chunk comes only to a caller who asked for it", async () => {
  const chunks = [...chunksOf("a"), { choices: [], usage: { total_tokens: 3 } }];
  const ask = async (stream_options: object | null): Promise<string> =>
    textOf(await gateway(scripted(chunks)).handle(post({ ...BODY, stream: true, stream_options })));
  assert.match(await ask({ include_usage: true }), /total_tokens/);
  assert.doesNotMatch(await ask({ include_usage: false }), /total_tokens/);
  assert.doesNotMatch(await ask(null), /total_tokens/);
});

test("a reply's headers are the answer's, but never its content type or its id", async () => {
  const handler: Handler = async () => ({
    ...textReply("a"),
    headers: { "x-ratelimit-limit": "5", "x-request-id": "forged", "content-type": "text/html" },
  });
  for (const stream of [false, true]) {
    const reply = await gateway(handler).handle(post({ ...BODY, stream }));
    assert.match(reply.headers["content-type"] ?? "", stream ? /^text\/event-stream/ : /^application\/json/);
    assert.equal(reply.headers["x-ratelimit-limit"], "5");
    assert.notEqual(reply.headers["x-request-id"], "forged");
    await textOf(reply);
  }
});

test("whatever a layer puts into a header, the answer can be sent", async () => {
  const hostile = { "x-a": "a\r\nset-cookie: b", "x-b": "模型\0\u001b[31m", "x-c": "plain, as it was" };
  const outcomes: readonly Handler[] = [
    async () => ({ ...textReply("a"), headers: hostile }),
    async () => {
      throw new GatewayError("llm.rate_limit.requests", "why", { headers: hostile });
    },
  ];
  for (const handler of outcomes) {
    for (const stream of [false, true]) {
      const reply = await gateway(handler).handle(post({ ...BODY, stream }));
      for (const [name, value] of Object.entries(reply.headers)) assert.match(value, /^[\x20-\x7e]*$/, name);
      assert.equal(reply.headers["x-c"], "plain, as it was");
      assert.ok(new Response("", { headers: reply.headers }));
      await textOf(reply);
    }
  }
});

test("the number of attempts is told, also of a failure, and not where there were none", async () => {
  const attempt: Attempt = { provider: "p", model: "m", durationMs: 1 };
  const tried =
    (times: number, outcome: () => ChatReply): Handler =>
    async ({ call }) => {
      call.context.set(attempts, Array<Attempt>(times).fill(attempt));
      return outcome();
    };
  const told = async (handler: Handler, stream: boolean): Promise<unknown> => {
    const reply = await gateway(handler).handle(post({ ...BODY, stream }));
    await textOf(reply);
    return reply.headers["x-gateway-attempts"];
  };
  const fail = (): never => {
    throw busy;
  };
  for (const stream of [false, true]) {
    assert.equal(
      await told(
        tried(2, () => textReply("a")),
        stream,
      ),
      "2",
    );
    assert.equal(await told(tried(3, fail), stream), "3");
    assert.equal(
      await told(
        tried(0, () => textReply("a")),
        stream,
      ),
      undefined,
    );
  }
});

test("what was tried is told in order, with the status of each, also of a failure", async () => {
  const made: readonly Attempt[] = [
    { provider: "p", model: "a/b", status: 503, durationMs: 1, code: "llm.provider.overloaded" },
    { provider: "p", model: "a/b", durationMs: 1, code: "llm.timeout.first_token" },
    { provider: "q", model: "c\r\nx-d: e", status: 200, durationMs: 1 },
    { provider: "q", model: "c", durationMs: 1 },
  ];
  for (const outcome of [async () => textReply("a"), async () => Promise.reject(busy)]) {
    for (const stream of [false, true]) {
      const handler: Handler = async ({ call }) => {
        call.context.set(attempts, made);
        return outcome();
      };
      const reply = await gateway(handler).handle(post({ ...BODY, stream }));
      await textOf(reply);
      assert.equal(reply.headers["x-gateway-attempts"], "4");
      assert.equal(
        reply.headers["x-gateway-tried"],
        "p/a/b=503, p/a/b=llm.timeout.first_token, q/c??x-d: e=200, q/c=-",
      );
    }
  }
});

test("a try that broke off after a success is told by its failure, and not as a success", async () => {
  const made: readonly Attempt[] = [
    { provider: "p", model: "m", status: 200, durationMs: 1, code: "llm.stream.interrupted" },
    { provider: "p", model: "m", status: 200, durationMs: 1 },
  ];
  const handler: Handler = async ({ call }) => {
    call.context.set(attempts, made);
    return textReply("a");
  };
  for (const stream of [false, true]) {
    const reply = await gateway(handler).handle(post({ ...BODY, stream }));
    await textOf(reply);
    assert.equal(reply.headers["x-gateway-tried"], "p/m=llm.stream.interrupted, p/m=200");
  }
});

test("of many attempts all are counted, and the first ten told one by one", async () => {
  const handler: Handler = async ({ call }) => {
    const made = Array.from({ length: 12 }, (_, at): Attempt => ({ provider: "p", model: String(at), durationMs: 1 }));
    call.context.set(attempts, made);
    return textReply("a");
  };
  const { headers } = await gateway(handler).handle(post(BODY));
  assert.equal(headers["x-gateway-attempts"], "12");
  assert.deepEqual(
    headers["x-gateway-tried"]?.split(", "),
    Array.from({ length: 10 }, (_, at) => `p/${at}=-`),
  );
});

test("where nothing was tried, no header says so", async () => {
  const { headers } = await gateway(scripted("a")).handle(post(BODY));
  assert.equal(headers["x-gateway-tried"], undefined);
  assert.equal(headers["x-gateway-attempts"], undefined);
});

test("a body of an error tells what was tried, whatever the layer that failed knows of it", async () => {
  const attempt: Attempt = { provider: "p", model: "m", status: 503, durationMs: 1.4, upstreamRequestId: "up-1" };
  const handler: Handler = async ({ call }) => {
    call.context.set(attempts, [attempt]);
    throw busy;
  };
  for (const errors of ["openai", "nested"] as const) {
    const { error } = jsonOf(await gateway(handler, { errors }).handle(post(BODY)));
    const told = [{ provider: "p", model: "m", status: 503, upstream_request_id: "up-1", duration_ms: 1 }];
    assert.deepEqual(Reflect.get(Object(error), "attempts"), errors === "openai" ? told : undefined);
  }
});

test("a call that is not admitted is refused before its body is read, and nothing is called", async () => {
  const handler = scripted();
  const seen: Call[] = [];
  const refuse = (call: Call): void => {
    seen.push(call);
    throw new GatewayError("llm.overloaded", "too much", { retryAfterMs: 1000 });
  };
  const read = (): never => assert.fail("the body was read");
  for (const admit of [refuse, async (call: Call) => refuse(call)]) {
    const told: string[] = [];
    const api = gateway(handler, { admit, onError: ({ code }) => told.push(code) });
    const reply = await api.handle(post({}, { headers: { "x-request-id": "id-1" }, body: { read } }));
    assert.equal(reply.status, 503);
    assert.equal(reply.headers["retry-after"], "1");
    assert.equal((jsonOf(reply).error as Record<string, unknown>).code, "llm.overloaded");
    assert.deepEqual(told, ["llm.overloaded"]);
  }
  assert.deepEqual(
    seen.map(({ id }) => id),
    ["id-1", "id-1"],
  );
  assert.equal(handler.requests.length, 0);
});

test("a call is admitted before its body is read, even where that takes a while", async () => {
  const gate = Promise.withResolvers<void>();
  const steps: string[] = [];
  const admit = async (call: Call): Promise<void> => {
    steps.push(`asked for ${call.headers["x-a"]}`);
    await gate.promise;
    steps.push("admitted");
  };
  const read = async (): Promise<Uint8Array> => {
    steps.push("read");
    return Buffer.from(JSON.stringify(BODY));
  };
  const handling = gateway(scripted("a"), { admit }).handle(post({}, { headers: { "x-a": "b" }, body: { read } }));
  await fakeClock().advance(0);
  assert.deepEqual(steps, ["asked for b"]);
  gate.resolve();
  assert.equal((await handling).status, 200);
  assert.deepEqual(steps, ["asked for b", "admitted", "read"]);
});

test("a defect of what admits calls is a 500 that tells nothing, and only calls of models are asked for", async () => {
  const admit = (): never => {
    throw new Error("the secret");
  };
  const api = gateway(scripted(), { admit, models: ["a"] });
  const reply = await api.handle(post(BODY));
  assert.equal(reply.status, 500);
  assert.doesNotMatch(await textOf(reply), /secret/);
  assert.equal((await api.handle(get("/models"))).status, 200);
});

test("how long a caller may take nothing of its answer is told to adapters", () => {
  assert.equal(gateway(scripted()).writeIdleMs, 60_000);
  assert.equal(gateway(scripted(), { writeIdleMs: 5 }).writeIdleMs, 5);
});

test("a failure before the first visible chunk is JSON with its status, also for a stream", async () => {
  for (const stream of [false, true]) {
    for (const outcome of [busy, [...chunksOf("a").slice(0, 1), busy]]) {
      const reply = await gateway(scripted(outcome)).handle(
        post({ ...BODY, stream }, { headers: { "x-request-id": "id" } }),
      );
      assert.equal(reply.status, 503);
      assert.deepEqual(reply.headers, {
        "content-type": "application/json",
        "retry-after": "2",
        "retry-after-ms": "1500",
        "x-request-id": "id",
      });
      assert.deepEqual(jsonOf(reply), envelopes.openai(busy, "id").body);
    }
  }
});

test("a failure after the first visible chunk is an event for a stream, and JSON with its status for JSON", async () => {
  const streamed = await gateway(scripted([...cut, busy])).handle(post({ ...BODY, stream: true }));
  assert.equal(streamed.status, 200);
  const text = await textOf(streamed);
  assert.match(
    text,
    /"content":"a"[\s\S]*data: \{"error":\{[^\n]*llm\.provider\.overloaded[^\n]*"phase":"during"[^\n]*\n\n$/,
  );
  assert.doesNotMatch(text, /DONE/);
  assert.equal((await gateway(scripted([...cut, busy])).handle(post(BODY))).status, 503);
});

test("a stream that is cut is never completed, for a stream or for JSON", async () => {
  const streamed = await textOf(await gateway(scripted(cut)).handle(post({ ...BODY, stream: true })));
  assert.match(streamed, /"code":"llm\.stream\.interrupted"/);
  assert.doesNotMatch(streamed, /DONE/);
  const json = await gateway(scripted(cut)).handle(post(BODY));
  assert.equal(json.status, 502);
  assert.match(await textOf(json), /llm\.stream\.interrupted/);
});

test("an empty stream is a failure with a status", async () => {
  for (const stream of [false, true]) {
    assert.equal((await gateway(scripted([])).handle(post({ ...BODY, stream }))).status, 502);
  }
});

test("a caller who has waited for a silent handler gets a comment at once and then more, and the answer follows them", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const handling = gateway(() => replying.promise, { keepAliveMs: 1000, clock }).handle(
    post({ ...BODY, stream: true }),
  );
  await clock.advance(1000);
  const reply = await handling;
  assert.equal(reply.status, 200);
  const { pieces, reading } = read(reply);
  await clock.advance(0);
  assert.deepEqual(pieces, [COMMENT]);
  await clock.advance(999);
  assert.deepEqual(pieces, [COMMENT]);
  await clock.advance(1);
  assert.deepEqual(pieces, [COMMENT, COMMENT]);
  replying.resolve(textReply("a"));
  await reading;
  assert.match(pieces.join(""), /"content":"a".*\n\ndata: \[DONE\]\n\n$/s);
  assert.equal(clock.waiting, 0);
});

test("a handler that fails after a comment can only end the stream with an event", async () => {
  const clock = fakeClock();
  const told: GatewayError[] = [];
  const replying = Promise.withResolvers<ChatReply>();
  const options = { keepAliveMs: 1000, clock, onError: (error: GatewayError) => told.push(error) };
  const handling = gateway(() => replying.promise, options).handle(post({ ...BODY, stream: true }));
  await clock.advance(1000);
  const { pieces, reading } = read(await handling);
  await clock.advance(0);
  replying.reject(busy);
  await reading;
  assert.equal(pieces[0], COMMENT);
  assert.match(pieces[1] ?? "", /^data: \{"error":\{[^\n]*llm\.provider\.overloaded/);
  assert.equal(pieces.length, 2);
  assert.equal(told.length, 1);
  assert.equal(clock.waiting, 0);
});

test("an answer that is quick leaves no timer", async () => {
  const clock = fakeClock();
  const api = gateway(scripted("a", busy, busy, "b"), { clock });
  for (const stream of [true, true, false, false]) {
    await textOf(await api.handle(post({ ...BODY, stream })));
    await clock.advance(0);
    assert.equal(clock.waiting, 0);
  }
});

test("a caller who wants JSON gets no comments, however long it takes", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const handling = gateway(() => replying.promise, { keepAliveMs: 1000, clock }).handle(post(BODY));
  await clock.advance(10_000);
  replying.reject(busy);
  assert.equal((await handling).status, 503);
});

test("every failing field is named at once, and nothing is called", async () => {
  const handler = scripted();
  const reply = await gateway(handler).handle(post({ model: "", messages: "no", n: 0 }));
  assert.equal(reply.status, 400);
  const error = jsonOf(reply).error as Record<string, unknown>;
  assert.equal(error.type, "invalid_request_error");
  assert.deepEqual((error.issues as { path: string }[]).map(({ path }) => path).sort(), ["messages", "model", "n"]);
  assert.equal(handler.requests.length, 0);
});

test("an unread body is held to the gateway's own limits", async () => {
  const clock = fakeClock();
  const api = gateway(scripted("a"), { maxBodyBytes: 100, bodyTimeoutMs: 500, clock });
  const body = (text: string): HttpRequest => {
    const read = async (): Promise<Uint8Array> => Buffer.from(text);
    return post({}, { body: { read } });
  };
  assert.equal((await api.handle(body(JSON.stringify(BODY)))).status, 200);
  assert.equal((await api.handle(body("{"))).status, 400);
  const large = await api.handle(post({}, { headers: { "content-length": "101" } }));
  assert.equal(large.status, 413);
  const never = api.handle(
    post(
      {},
      {
        body: {
          read: (_most, stop) => new Promise((_, reject) => stop.addEventListener("abort", () => reject(stop.reason))),
        },
      },
    ),
  );
  await clock.advance(500);
  assert.equal((await never).status, 408);
});

test("a path that is not the gateway's is 404 in JSON", async () => {
  const api = gateway(scripted(), { models: ["a"] });
  for (const path of [
    "",
    "/",
    "/chat",
    "/chat/completions/",
    "/Chat/Completions",
    "//models",
    "/models/",
    "/completions",
  ]) {
    const reply = await api.handle(post(BODY, { path }));
    assert.equal(reply.status, 404, path);
    assert.equal((jsonOf(reply).error as Record<string, unknown>).code, "llm.request.not_found", path);
    assert.equal(api.owns(path), false, path);
  }
  for (const path of ["/chat/completions", "/models", "/models/a", "/models/a/b", "/models/%zz"])
    assert.ok(api.owns(path), path);
});

test("another method is 405, naming those that there are", async () => {
  const api = gateway(scripted(), { models: ["a"] });
  const allowed = { "/chat/completions": "POST", "/models": "GET, HEAD", "/models/a": "GET, HEAD" };
  for (const [path, allow] of Object.entries(allowed)) {
    for (const method of [
      "PUT",
      "DELETE",
      "OPTIONS",
      "constructor",
      "toString",
      "get",
      allow === "POST" ? "GET" : "POST",
    ]) {
      const reply = await api.handle(post(BODY, { path, method }));
      assert.equal(reply.status, 405, `${method} ${path}`);
      assert.equal(reply.headers.allow, allow, `${method} ${path}`);
    }
  }
});

test("models are listed, and one of them found by its id as it is in a path", async () => {
  const api = gateway(scripted(), { models: ["vendor/a:free", { id: "b", owned_by: "us" }] });
  for (const method of ["GET", "HEAD"]) {
    const list = await api.handle(get("/models", method));
    assert.equal(list.status, 200);
    const { object, data } = jsonOf(list);
    assert.equal(object, "list");
    assert.deepEqual(data, [
      { id: "vendor/a:free", object: "model", created: 0, owned_by: "gatewright" },
      { id: "b", object: "model", created: 0, owned_by: "us" },
    ]);
    for (const path of ["/models/vendor%2Fa%3Afree", "/models/vendor/a:free"]) {
      const one = await api.handle(get(path, method));
      assert.equal(one.status, 200, path);
      assert.equal(jsonOf(one).id, "vendor/a:free", path);
    }
  }
});

test("a model that is not listed is 404", async () => {
  const api = gateway(scripted(), { models: ["a"] });
  for (const path of ["/models/b", "/models/A", "/models/%zz", "/models/a%00", "/models/a/", "/models/undefined"]) {
    const reply = await api.handle(get(path));
    assert.equal(reply.status, 404, path);
    assert.equal((jsonOf(reply).error as Record<string, unknown>).code, "llm.model.not_found", path);
  }
  assert.equal((await gateway(scripted()).handle(get("/models/a"))).status, 404);
  assert.deepEqual(jsonOf(await gateway(scripted()).handle(get("/models"))).data, []);
});

test("models may depend on the call, and a call may be refused them", async () => {
  const models = async (call: Call): Promise<string[]> => {
    if (!call.headers.authorization) throw new GatewayError("llm.auth.missing_key", "no key");
    return [call.headers.authorization];
  };
  const api = gateway(scripted(), { models });
  const known = { ...get("/models"), headers: { authorization: "mine" } };
  assert.match(await textOf(await api.handle(known)), /"id":"mine"/);
  for (const path of ["/models", "/models/a"]) {
    const refused = await api.handle(get(path));
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["www-authenticate"], "Bearer");
  }
});

test("every answer has the request id in its header, and every JSON object in its body", async () => {
  const api = gateway(scripted("a", busy), { models: ["a"] });
  const requests = {
    completion: post(BODY),
    failure: post(BODY),
    "bad body": post({}),
    "no path": get("/nope"),
    "wrong method": get("/chat/completions"),
    "no model": get("/models/b"),
    models: get("/models"),
    "one model": get("/models/a"),
  };
  for (const [what, request] of Object.entries(requests)) {
    const reply = await api.handle({ ...request, headers: { ...request.headers, "x-request-id": "id-1" } });
    assert.equal(reply.headers["x-request-id"], "id-1", what);
    assert.equal(jsonOf(reply).request_id, "id-1", what);
  }
});

test("failures are shown in the envelope that was chosen", async () => {
  for (const name of ["openai", "nested", "flat", "detail", "problem"] as const) {
    const api = gateway(scripted(busy, [...cut, busy]), { errors: name });
    const headers = { "x-request-id": "id" };
    const { body, contentType } = envelopes[name](busy, "id");
    const json = await api.handle(post(BODY, { headers }));
    assert.deepEqual(jsonOf(json), body);
    assert.equal(json.headers["content-type"], contentType ?? "application/json");
    const stream = await textOf(await api.handle(post({ ...BODY, stream: true }, { headers })));
    const last = JSON.parse(stream.trimEnd().split("\n\n").at(-1)?.slice(6) ?? "");
    assert.ok(last.error, name);
  }
});

test("an envelope may be a function", async () => {
  const errors: GatewayOptions["errors"] = (error, id) => ({
    contentType: "application/x",
    body: { c: error.code, id },
  });
  const reply = await gateway(scripted(busy), { errors }).handle(post(BODY, { headers: { "x-request-id": "id" } }));
  assert.equal(reply.headers["content-type"], "application/x");
  assert.deepEqual(jsonOf(reply), { c: "llm.provider.overloaded", id: "id" });
});

test("a defect is a 500 that tells nothing, and its cause is told to onError", async () => {
  const defect = new Error("the secret");
  for (const outcome of [defect, [defect], [...cut, defect]]) {
    for (const stream of [false, true]) {
      const told: [GatewayError, Call][] = [];
      const onError = (error: GatewayError, call: Call): void => void told.push([error, call]);
      const reply = await gateway(scripted(outcome), { onError }).handle(post({ ...BODY, stream }));
      const text = await textOf(reply);
      assert.match(text, /llm\.internal/);
      assert.doesNotMatch(text, /secret/);
      assert.equal(told.length, 1);
      assert.equal(told[0]?.[0].cause, defect);
      assert.equal(told[0]?.[1].id, reply.headers["x-request-id"]);
    }
  }
});

test("onError is told of every failure once, and of nothing else", async () => {
  const told: string[] = [];
  const api = gateway(scripted("a", busy), { onError: ({ code }) => told.push(code) });
  await api.handle(post(BODY));
  assert.deepEqual(told, []);
  await api.handle(post(BODY));
  await api.handle(post({}));
  await api.handle(get("/nope"));
  assert.deepEqual(told, ["llm.provider.overloaded", "llm.request.invalid", "llm.request.not_found"]);
});

test("what onError is told holds the attempts that were made", async () => {
  const attempt: Attempt = { provider: "p", model: "m", durationMs: 1, code: "llm.provider.overloaded" };
  const told: GatewayError[] = [];
  const handler: Handler = async ({ call }) => {
    call.context.set(attempts, [attempt]);
    throw busy;
  };
  await gateway(handler, { onError: (error) => told.push(error) }).handle(post(BODY));
  assert.deepEqual(told[0]?.attempts, [attempt]);
});

test("a handler that throws at once is a 500", async () => {
  const handler: Handler = () => {
    throw new TypeError("at once");
  };
  for (const stream of [false, true]) {
    assert.equal((await gateway(handler).handle(post({ ...BODY, stream }))).status, 500);
  }
});

test("an answer is an answer, also where onError throws", async () => {
  const onError = (): never => {
    throw new Error("the log is full");
  };
  const json = await gateway(scripted(busy), { onError }).handle(post(BODY));
  assert.equal(json.status, 503);
  const stream = await gateway(scripted([...cut, busy]), { onError }).handle(post({ ...BODY, stream: true }));
  assert.match(await textOf(stream), /data: \{"error":\{[^\n]*\n\n$/);
});

test("an answer is an answer, also where onError is asynchronous and fails", async () => {
  const onError = async (): Promise<void> => {
    throw new Error("the log is full");
  };
  const json = await gateway(scripted(busy), { onError }).handle(post(BODY));
  // An unhandled rejection would fail the test, and end a process.
  await fakeClock().advance(0);
  assert.equal(json.status, 503);
});

test("what fails in a stream says whether the answer had begun", async () => {
  const clock = fakeClock();
  const replying = Promise.withResolvers<ChatReply>();
  const silent = gateway(() => replying.promise, { keepAliveMs: 1000, clock }).handle(post({ ...BODY, stream: true }));
  await clock.advance(1000);
  const { pieces, reading } = read(await silent);
  await clock.advance(1000);
  replying.reject(new TypeError("defect"));
  await reading;
  assert.match(pieces.join(""), /llm\.internal.*"phase":"before"/);
  const streamed = gateway(scripted([...cut, new TypeError("defect")])).handle(post({ ...BODY, stream: true }));
  assert.match(await textOf(await streamed), /llm\.internal.*"phase":"during"/);
});

test("a header whose name is none is left out, and the others are sent", async () => {
  const headers = { "bad name": "a", "": "b", "x\r\ny": "c", "x-good": "d" };
  const handler: Handler = async () => ({ ...textReply("a"), headers });
  const reply = await gateway(handler).handle(post(BODY));
  assert.deepEqual(Object.keys(reply.headers).sort(), ["content-type", "x-good", "x-request-id"]);
});

test("an envelope that gives what is no JSON is answered by the default one", async () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  for (const body of [circular, { n: 1n }]) {
    const reply = await gateway(scripted(busy), { errors: () => ({ body }) }).handle(post(BODY));
    assert.equal(reply.status, 503);
    assert.deepEqual(Object.keys(jsonOf(reply)), ["error", "request_id"]);
  }
});

test("an answer is an answer, also where an envelope throws", async () => {
  const errors = (): never => {
    throw new Error("the secret");
  };
  const reply = await gateway(scripted(busy), { errors }).handle(post(BODY));
  assert.ok(reply.status >= 500);
  assert.doesNotMatch(await textOf(reply), /secret/);
});

test("what fails because the caller has left is canceled", async () => {
  const call = new AbortController();
  const told: string[] = [];
  const handler: Handler = ({ call: { signal } }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const handling = gateway(handler, { onError: ({ code }) => told.push(code) }).handle(
    post(BODY, { signal: call.signal }),
  );
  await fakeClock().advance(0);
  call.abort();
  assert.equal((await handling).status, 499);
  assert.deepEqual(told, ["llm.canceled"]);
});

test("a caller who stops reading a stream lets go of the reply and of the timer", async () => {
  const clock = fakeClock();
  const handler = scripted(chunksOf("a", "b"));
  const reply = await gateway(handler, { clock }).handle(post({ ...BODY, stream: true }));
  assert.equal(handler.open, 1);
  assert.ok(typeof reply.body !== "string");
  for await (const _ of reply.body) break;
  assert.equal(handler.open, 0);
  assert.equal(clock.waiting, 0);
});

const BAD_OPTIONS: readonly (readonly [name: string, options: object])[] = [
  ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1mb"].flatMap((value) =>
    ["maxBodyBytes", "bodyTimeoutMs", "keepAliveMs", "writeIdleMs"].map((name) => [name, { [name]: value }] as const),
  ),
  ...["anthropic", "", "toString", "__proto__"].map((errors) => ["errors", { errors }] as const),
];

test("times may be as long as a timer holds, and no longer", () => {
  for (const name of ["keepAliveMs", "bodyTimeoutMs", "writeIdleMs"]) {
    gateway(scripted(), { [name]: 2 ** 31 - 1 });
    assert.throws(() => gateway(scripted(), { [name]: 2 ** 31 }), { name: "TypeError", message: RegExp(name) });
  }
});

for (const [name, options] of BAD_OPTIONS) {
  test(`the option ${JSON.stringify(options)} is refused by name`, () => {
    // What a configuration may hold, whatever the types say.
    assert.throws(() => gateway(scripted(), options as GatewayOptions), { name: "TypeError", message: RegExp(name) });
  });
}

function post(body: object, more: Partial<HttpRequest> = {}): HttpRequest {
  const { headers, ...rest } = more;
  return {
    method: "POST",
    path: "/chat/completions",
    headers: { "content-type": "application/json", ...headers },
    address: undefined,
    signal: new AbortController().signal,
    body: { parsed: body },
    ...rest,
  };
}

function get(path: string, method = "GET"): HttpRequest {
  const read = (): never => assert.fail("the body was read");
  return { ...post({}), headers: {}, method, path, body: { read } };
}

function jsonOf({ body }: HttpReply): Record<string, unknown> {
  assert.ok(typeof body === "string");
  return JSON.parse(body);
}

async function textOf({ body }: HttpReply): Promise<string> {
  return typeof body === "string" ? body : (await all(body)).join("");
}

function read({ body }: HttpReply): { pieces: string[]; reading: Promise<void> } {
  const pieces: string[] = [];
  const reading = (async () => {
    for await (const piece of body) pieces.push(piece);
  })();
  return { pieces, reading };
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}

test("a call has the address that a trusted proxy saw, and without one that of the peer", async () => {
  const addressOf = async (address: string | undefined, trustedProxies?: readonly string[]): Promise<unknown> => {
    const handler = scripted("a");
    const headers = { "x-forwarded-for": "198.51.100.66, 203.0.113.9" };
    await gateway(handler, trustedProxies && { trustedProxies }).handle(
      post(BODY, { headers, ...(address !== undefined && { address }) }),
    );
    return handler.requests[0]?.call.address;
  };
  assert.equal(await addressOf("10.0.0.1"), "10.0.0.1");
  assert.equal(await addressOf("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(await addressOf("10.0.0.1", []), "10.0.0.1");
  assert.equal(await addressOf("10.0.0.1", ["10.0.0.0/8"]), "203.0.113.9");
  assert.equal(await addressOf("::ffff:10.0.0.1", ["10.0.0.0/8"]), "203.0.113.9");
  assert.equal(await addressOf("::1", ["loopback"]), "203.0.113.9");
  assert.equal(await addressOf("11.0.0.1", ["10.0.0.0/8"]), "11.0.0.1");
  assert.equal(await addressOf(undefined, ["10.0.0.0/8"]), undefined);
});

test("a trusted proxy that is no address is refused by name", () => {
  for (const entry of ["10.0.0.0/33", "0.0.0.0/0", "evil", "10.0.0.0/", ""]) {
    assert.throws(
      () => gateway(scripted(), { trustedProxies: ["10.0.0.1", entry] }),
      (thrown) => thrown instanceof TypeError && thrown.message.startsWith(`trustedProxies: "${entry}" is`),
    );
  }
});

test("headers that a layer sets for the answer are there whatever becomes of the call, and its own go before them", async () => {
  const answering = (handler: Handler): Handler => {
    return (request) => {
      setAnswerHeaders(request.call, answering, { "x-a": "layer", "x-b": "layer", "x-request-id": "layer" });
      return handler(request);
    };
  };
  const reply: Handler = async () => ({ ...textReply("a"), headers: { "x-b": "reply" } });
  const failing = scripted(new GatewayError("llm.overloaded", "full", { headers: { "x-b": "error" } }));
  for (const [handler, body, expected] of [
    [reply, BODY, [200, "layer", "reply"]],
    [reply, { ...BODY, stream: true }, [200, "layer", "reply"]],
    [failing, BODY, [503, "layer", "error"]],
    [scripted(new TypeError("defect")), BODY, [500, "layer", "layer"]],
  ] as const) {
    const { status, headers } = await gateway(answering(handler)).handle(post(body));
    assert.deepEqual([status, headers["x-a"], headers["x-b"]], expected);
    assert.notEqual(headers["x-request-id"], "layer");
  }
});

test("a stream that begins before its reply has the headers that layers had set by then", async () => {
  const clock = fakeClock();
  const handler: Handler = ({ call }) => {
    setAnswerHeaders(call, handler, { "x-a": "layer" });
    return new Promise(() => {});
  };
  const replying = gateway(handler, { clock, keepAliveMs: 1000 }).handle(post({ ...BODY, stream: true }));
  await clock.advance(1000);
  const { status, headers } = await replying;
  assert.deepEqual([status, headers["x-a"]], [200, "layer"]);
});
