import assert from "node:assert/strict";
import { test } from "node:test";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import { gateway } from "../gateway.ts";
import type { ChatBody, GatewayOptions, HttpReply, HttpRequest, Middleware } from "../index.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { chunksOf, fakeClock, type Outcome, scripted } from "../testing.ts";
import { idempotency } from "./idempotency.ts";
import { type RateLimitOptions, rateLimit } from "./rate-limit.ts";

const MINUTE = 60_000;
const THREE = [{ requests: 3, windowMs: MINUTE }];

test("a completion and a stream have the headers of the limit", async () => {
  const { post } = setUp({ limits: THREE }, ["a", chunksOf("b")]);
  const completion = await post();
  assert.equal(completion.status, 200);
  assert.deepEqual(limitsIn(completion), {
    "x-ratelimit-limit": "3",
    "x-ratelimit-remaining": "2",
    "x-ratelimit-reset": "60",
    "x-ratelimit-model": "m",
    "x-ratelimit-limit-requests": "3",
    "x-ratelimit-remaining-requests": "2",
    "x-ratelimit-reset-requests": "1m0s",
  });
  const stream = await post({ stream: true });
  assert.equal(stream.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.equal(stream.headers["x-ratelimit-remaining"], "1");
  assert.match(await textOf(stream), /\[DONE\]/);
});

test("an answer that tells of a provider's failure has the headers of the limit", async () => {
  const { post } = setUp({ limits: THREE }, [new GatewayError("llm.provider.overloaded", "busy")]);
  const reply = await post();
  assert.equal(reply.status, 503);
  assert.equal(limitsIn(reply)["x-ratelimit-remaining"], "2");
  assert.equal(Object.keys(limitsIn(reply)).length, 7);
});

test("a stream that begins before its answer has the headers of the limit", async () => {
  const { post, clock } = setUp({ limits: THREE }, [() => new Promise(() => {})], [], { keepAliveMs: 1000 });
  const replying = post({ stream: true });
  await clock.advance(1000);
  const reply = await replying;
  assert.equal(reply.status, 200);
  assert.equal(limitsIn(reply)["x-ratelimit-remaining"], "2");
  assert.equal(reply.headers["content-type"], "text/event-stream; charset=utf-8");
});

test("a stream that begins late and then fails has the headers, and the error in its events", async () => {
  const gate = Promise.withResolvers<never>();
  const { post, clock } = setUp({ limits: THREE }, [() => gate.promise], [], { keepAliveMs: 1000 });
  const replying = post({ stream: true });
  await clock.advance(1000);
  const reply = await replying;
  gate.reject(new GatewayError("llm.provider.overloaded", "busy"));
  assert.match(await textOf(reply), /llm\.provider\.overloaded/);
  assert.equal(reply.headers["x-ratelimit-limit"], "3");
});

test("a refused call is answered 429, with a code, and with when to come back", async () => {
  const { post, handler, clock } = setUp({ limits: [{ requests: 1, windowMs: MINUTE }] }, ["a"]);
  await post();
  await clock.advance(17_500);
  const reply = await post({ stream: true });
  assert.equal(reply.status, 429);
  assert.equal(reply.headers["content-type"], "application/json");
  assert.deepEqual(headersIn(reply, /^retry|^x-should/), { "retry-after": "43", "retry-after-ms": "42500" });
  assert.deepEqual(Object.keys(limitsIn(reply)).length, 7);
  assert.equal(limitsIn(reply)["x-ratelimit-remaining"], "0");
  const { error } = JSON.parse(await textOf(reply));
  assert.deepEqual(
    [error.code, error.type, error.origin, error.layer],
    ["llm.rate_limit.requests", "rate_limit_error", "gateway", "rate_limit"],
  );
  assert.equal(handler.requests.length, 1);
});

test("a call that could never pass is answered 429, and clients do not try it again", async () => {
  const { post, handler } = setUp({ limits: [{ tokens: 100, windowMs: MINUTE }] }, []);
  const reply = await post({ max_tokens: 5000 });
  assert.equal(reply.status, 429);
  assert.equal(reply.headers["x-should-retry"], "false");
  assert.ok(Number(reply.headers["retry-after"]) >= 1);
  assert.equal(reply.headers["x-ratelimit-limit-tokens"], "100");
  assert.equal(JSON.parse(await textOf(reply)).error.code, "llm.rate_limit.tokens");
  assert.equal(handler.requests.length, 0);
});

test("a call that is refused before the limit is asked has none of its headers", async () => {
  const { post } = setUp({ limits: THREE }, []);
  const reply = await post({ messages: "none" as unknown as [] }); // What callers send, whatever the types say.
  assert.equal(reply.status, 400);
  assert.deepEqual(limitsIn(reply), {});
});

test("a dry run shows callers nothing", async () => {
  const { post } = setUp({ limits: [{ requests: 1, windowMs: MINUTE }], mode: "dry-run" }, ["a", "b"]);
  for (let call = 0; call < 2; call++) {
    const reply = await post();
    assert.equal(reply.status, 200);
    assert.deepEqual(limitsIn(reply), {});
  }
});

test("an answer that is had again has no headers of a limit that it did not touch", async () => {
  const { post, handler } = setUp({ limits: THREE }, ["a"], [idempotency({ clock: fakeClock() })]);
  const headers = { "idempotency-key": "once" };
  assert.equal((await post({}, { headers })).headers["x-ratelimit-remaining"], "2");
  const replayed = await post({}, { headers });
  assert.equal(replayed.headers["idempotent-replayed"], "true");
  assert.deepEqual(limitsIn(replayed), {});
  assert.equal(handler.requests.length, 1);
});

test("callers are told apart by the address that a trusted proxy saw", async () => {
  const trustedProxies = ["10.0.0.0/8"];
  const { post } = setUp({ limits: [{ requests: 1, windowMs: MINUTE }] }, ["a", "b"], [], { trustedProxies });
  const from = (forwarded: string, address = "10.0.0.1"): Promise<HttpReply> =>
    post({}, { address, headers: { "x-forwarded-for": forwarded } });
  assert.equal((await from("203.0.113.9")).status, 200);
  assert.equal((await from("198.51.100.7, 203.0.113.9")).status, 429);
  assert.equal((await from("203.0.113.10", "203.0.113.9")).status, 429);
  assert.equal((await from("2001:db8::1")).status, 200);
  assert.equal((await from("2001:db8::2")).status, 429);
});

function limitsIn(reply: HttpReply): Record<string, string> {
  return headersIn(reply, /^x-ratelimit/);
}

function headersIn({ headers }: HttpReply, names: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.test(name)));
}

async function textOf({ body }: HttpReply): Promise<string> {
  if (typeof body === "string") return body;
  let text = "";
  for await (const piece of body) text += piece;
  return text;
}

/** A gateway with a limit, and layers around it. */
function setUp(
  options: RateLimitOptions,
  outcomes: readonly Outcome[],
  around: readonly Middleware[] = [],
  more: GatewayOptions = {},
) {
  const clock = fakeClock();
  const handler = scripted(...outcomes);
  const layers = [...around, rateLimit({ store: memoryStore({ clock }), ...options })];
  const api = gateway(compose(layers, handler), { clock, ...more });
  const post = (body: Partial<ChatBody> = {}, http: Partial<HttpRequest> = {}): Promise<HttpReply> =>
    api.handle({
      method: "POST",
      path: "/chat/completions",
      address: "192.0.2.1",
      signal: new AbortController().signal,
      body: { parsed: { model: "m", messages: [{ role: "user", content: "Hi" }], ...body } },
      ...http,
      headers: { "content-type": "application/json", ...http.headers },
    });
  return { post, handler, clock };
}
