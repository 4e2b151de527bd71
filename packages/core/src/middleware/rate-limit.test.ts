import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeaders } from "../answer-headers.ts";
import { type Caller, caller } from "../caller.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatBody, ChatRequest, LimitDecision, LimitStore } from "../index.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled, textOf } from "../testing/outcome.ts";
import { chat, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type RateLimitOptions, rateLimit } from "./rate-limit.ts";

const MINUTE = 60_000;
const TWO = [{ requests: 2, windowMs: MINUTE }];

test("a window lets as many calls pass as it says, refuses the next, and then begins anew", async () => {
  const { ask, handler, clock } = setUp({ limits: TWO });
  assert.equal(await textOf(ask().replying), "ok");
  await clock.advance(10_000);
  assert.equal(await textOf(ask().replying), "ok");
  const error = await failureOf(ask().replying);
  assert.deepEqual([error.code, error.status, error.retryAfterMs], ["llm.rate_limit.requests", 429, 50_000]);
  await clock.advance(49_999);
  await failureOf(ask().replying);
  assert.equal(handler.requests.length, 2);
  await clock.advance(1);
  for (let call = 0; call < 2; call++) await textOf(ask().replying);
  await failureOf(ask().replying);
  assert.equal(handler.requests.length, 4);
});

test("a bucket lets as many calls pass at once as it holds, and then as many as come back", async () => {
  const { ask, handler, clock } = setUp({ limits: [{ requests: 2, refillPerSecond: 0.5 }] });
  for (let call = 0; call < 2; call++) await textOf(ask().replying);
  assert.equal((await failureOf(ask().replying)).retryAfterMs, 2000);
  await clock.advance(1999);
  await failureOf(ask().replying);
  await clock.advance(1);
  await textOf(ask().replying);
  await failureOf(ask().replying);
  assert.equal(handler.requests.length, 3);
});

test("of many calls at once no more pass than there is room for", async () => {
  const { ask, handler } = setUp({ limits: [{ requests: 3, windowMs: MINUTE }] });
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => ask().replying));
  assert.equal(all.filter(({ status }) => status === "fulfilled").length, 3);
  assert.equal(handler.requests.length, 3);
});

test("a call is taken from all limits or from none", async () => {
  const { ask, left } = setUp({
    limits: [
      { requests: 5, windowMs: MINUTE, per: "model" },
      { requests: 1, windowMs: MINUTE },
      { requests: 100, refillPerSecond: 1, per: [] },
    ],
  });
  await textOf(ask().replying);
  for (let call = 0; call < 3; call++) await failureOf(ask().replying);
  assert.deepEqual(left(), [4, 0, 99]);
});

test("the caller is told of its limits with a success, with a failure of the provider and with a refusal", async () => {
  const failure = new GatewayError("llm.provider.overloaded", "busy");
  const { ask, clock } = setUp({ limits: [{ requests: 3, windowMs: MINUTE }] }, "a", failure, "b");
  const expected = (remaining: number, seconds: number) => ({
    "x-ratelimit-limit": "3",
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(seconds),
    "x-ratelimit-model": "gpt-4o",
    "x-ratelimit-limit-requests": "3",
    "x-ratelimit-remaining-requests": String(remaining),
    "x-ratelimit-reset-requests": seconds === 60 ? "1m0s" : `${seconds}s`,
  });
  const success = ask({ model: "gpt-4o" });
  await textOf(success.replying);
  assert.deepEqual(answerHeaders(success.request.call), expected(2, 60));
  await clock.advance(500);
  const failed = ask({ model: "gpt-4o" });
  assert.equal(await failureOf(failed.replying), failure);
  assert.deepEqual(answerHeaders(failed.request.call), expected(1, 60));
  await clock.advance(30_000);
  await textOf(ask({ model: "gpt-4o" }).replying);
  const refused = ask({ model: "gpt-4o" });
  const { headers } = await failureOf(refused.replying);
  assert.deepEqual(headers, expected(0, 30));
  assert.deepEqual(answerHeaders(refused.request.call), expected(0, 30));
});

test("a reply keeps its own headers", async () => {
  const { ask } = setUp({ limits: TWO }, async () => ({
    headers: { "x-a": "b" },
    chunks: (await scripted("a")(chat())).chunks,
  }));
  assert.deepEqual((await ask().replying).headers, { "x-a": "b" });
});

test("a limit does not hold for calls for which its function answers nothing", async () => {
  const { ask, draws } = setUp({
    limits: [{ requests: 1, windowMs: MINUTE, per: ({ model }) => (model === "slow" ? "slow" : undefined) }],
  });
  for (let call = 0; call < 3; call++) await textOf(ask({ model: "fast" }).replying);
  assert.equal(draws.length, 0);
  const free = ask({ model: "fast" });
  await textOf(free.replying);
  assert.deepEqual(answerHeaders(free.request.call), {});
  await textOf(ask({ model: "slow" }).replying);
  await failureOf(ask({ model: "slow" }).replying);
});

test("a call counts as its weight says", async () => {
  const { ask, left } = setUp({ limits: [{ requests: 10, windowMs: MINUTE, weight: ({ n }) => n ?? 1 }] });
  await textOf(ask({ n: 4 }).replying);
  assert.deepEqual(left(), [6]);
  assert.equal((await failureOf(ask({ n: 7 }).replying)).retryAfterMs, MINUTE);
  await textOf(ask({ n: 6 }).replying);
  await textOf(ask({ n: 0 }).replying);
  assert.deepEqual(left(), [0]);
});

test("limits of a caller's own take the place of those by caller, and its headers tell so", async () => {
  const { ask } = setUp({ limits: TWO });
  const key: Caller = { name: "big", limits: [{ requests: 3, windowMs: MINUTE }] };
  for (let call = 0; call < 3; call++) {
    const { request, replying } = ask({}, { key });
    await textOf(replying);
    assert.equal(answerHeaders(request.call)["x-ratelimit-limit"], "3");
  }
  assert.match((await failureOf(ask({}, { key }).replying)).message, /^The limit of 3 requests/);
  const others = { name: "usual" };
  for (let call = 0; call < 2; call++) await textOf(ask({}, { key: others }).replying);
  await failureOf(ask({}, { key: others }).replying);
});

test("callers whose own limits are by model do not use up each other's", async () => {
  const { ask } = setUp({ limits: TWO });
  const limits = [{ requests: 1, windowMs: MINUTE, per: ["model"] }] as const;
  await textOf(ask({}, { key: { name: "a", limits } }).replying);
  await failureOf(ask({}, { key: { name: "a", limits } }).replying);
  await textOf(ask({}, { key: { name: "b", limits } }).replying);
});

test("layers with names of their own share a store without a count in common", async () => {
  const store = memoryStore({ clock: fakeClock() });
  const layer = (name: string) => rateLimit({ limits: [{ requests: 1, windowMs: MINUTE }], store, name });
  const handler = scripted("a", "b");
  await textOf(compose([layer("one"), layer("two")], handler)(chat()));
  await failureOf(compose([layer("one")], handler)(chat()));
  await failureOf(compose([layer("two")], handler)(chat()));
  await textOf(compose([layer("three")], handler)(chat()));
});

test("each decision is told, with each limit as it looks after it", async () => {
  const told: (readonly [LimitDecision, string])[] = [];
  const limits = [{ requests: 1, windowMs: MINUTE, name: "one a minute" }];
  const onDecision = (decision: LimitDecision, { model }: ChatRequest) => void told.push([decision, model]);
  const { ask } = setUp({ limits, name: "callers", onDecision });
  await textOf(ask({ model: "m" }).replying);
  await failureOf(ask({ model: "m" }).replying);
  const state = {
    name: "one a minute",
    counts: "requests",
    capacity: 1,
    periodMs: MINUTE,
    cost: 1,
    remaining: 0,
    resetMs: MINUTE,
    waitMs: 0,
  };
  assert.deepEqual(told, [
    [{ layer: "callers", allowed: true, dryRun: false, limits: [state] }, "m"],
    [{ layer: "callers", allowed: false, dryRun: false, limits: [{ ...state, waitMs: MINUTE }] }, "m"],
  ]);
});

test("who watches decisions changes none, whether it throws or rejects", async () => {
  for (const onDecision of [
    () => {
      throw new Error("watcher");
    },
    () => Promise.reject(new Error("watcher")),
  ]) {
    const { ask } = setUp({ limits: [{ requests: 1, windowMs: MINUTE }], onDecision });
    assert.equal(await textOf(ask().replying), "ok");
    assert.equal((await failureOf(ask().replying)).code, "llm.rate_limit.requests");
    await settled();
  }
});

test("what a store lets pass without counting it passes, and nothing is said of limits", async () => {
  const told: LimitDecision[] = [];
  const store: LimitStore = { draw: async () => ({ taken: true, states: [] }) };
  const layer = rateLimit({ limits: TWO, store, onDecision: (decision) => void told.push(decision) });
  const request = chat();
  const reply = await compose([layer], scripted("a"))(request);
  assert.equal(await textOf(reply), "a");
  assert.deepEqual(answerHeaders(request.call), {});
  assert.deepEqual(told, [{ layer: "rateLimit", allowed: true, dryRun: false, limits: [] }]);
});

test("what a store throws fails the call, and no provider is asked", async () => {
  const down = new GatewayError("llm.overloaded", "no store");
  const handler = scripted("never");
  const layer = rateLimit({ limits: TWO, store: { draw: () => Promise.reject(down) } });
  assert.equal(await failureOf(compose([layer], handler)(chat())), down);
  assert.equal(handler.requests.length, 0);
});

interface Asked {
  readonly key?: Caller;
}

/** A pipeline of one layer. `left` is what each limit had left after the last step. */
function setUp(options: Omit<RateLimitOptions, "store">, ...outcomes: readonly Outcome[]) {
  const clock = fakeClock();
  const memory = memoryStore({ clock });
  const draws: (readonly number[])[] = [];
  const store: LimitStore = {
    async draw(...step) {
      const drawn = await memory.draw(...step);
      draws.push(drawn.states.map(({ remaining }) => remaining));
      return drawn;
    },
  };
  const handler = scripted(...(outcomes.length > 0 ? outcomes : Array<Outcome>(20).fill("ok")));
  const pipeline = compose([rateLimit({ ...options, store })], handler);
  const ask = (body: Partial<ChatBody> = {}, { key }: Asked = {}) => {
    const request = chat(body, { address: "192.0.2.1" });
    if (key) request.call.context.set(caller, key);
    const replying = pipeline(request);
    replying.catch(() => {});
    return { request, replying };
  };
  return { ask, handler, clock, draws, left: () => draws.at(-1) ?? [] };
}
