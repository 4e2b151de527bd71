import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeaders } from "../answer-headers.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { Limit, LimitStore } from "../index.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled, textOf } from "../testing/outcome.ts";
import { chat, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type FallbackOptions, fallback } from "./fallback.ts";
import { rateLimit } from "./rate-limit.ts";

const MINUTE = 60_000;
const PER_MODEL: Limit = { requests: 1, windowMs: MINUTE, per: "model" };

test("a model whose limit is reached spills over to the next, and its own provider is not asked", async () => {
  const { ask, handler } = setUp({ inner: [PER_MODEL] });
  assert.equal(await textOf(ask("a").replying), "ok");
  assert.equal(await textOf(ask("a").replying), "ok");
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["a", "b"],
  );
});

test("a model that is passed over for its limit is no try", async () => {
  const { ask, handler } = setUp(
    { inner: [PER_MODEL], models: { a: ["b", "c", "d"] }, maxAttempts: 2 },
    "a",
    "b",
    "c",
    busy,
    "d",
  );
  for (const expected of ["a", "b", "c"]) assert.equal(await textOf(ask("a").replying), expected);
  // Three are refused, one is asked and fails; with no try given back there would have been none left for it.
  assert.equal((await failureOf(ask("a").replying)).code, busy.code);
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["a", "b", "c", "d"],
  );
});

test("a call that every model refuses is told 429, and when to come back", async () => {
  const { ask, handler, clock } = setUp({ inner: [PER_MODEL] });
  await textOf(ask("a").replying);
  await clock.advance(20_000);
  await textOf(ask("a").replying);
  const { request, replying } = ask("a");
  const error = await failureOf(replying);
  assert.deepEqual([error.code, error.status, error.retryAfterMs], ["llm.rate_limit.requests", 429, 40_000]);
  assert.equal(error.retryable, true);
  assert.match(error.message, /Tried as well: b \(llm\.rate_limit\.requests\)/);
  assert.equal(error.headers["x-ratelimit-model"], "a");
  assert.equal(handler.requests.length, 2);
  assert.equal(request.model, "a");
});

test("the headers of a call that spilled over tell of the model that answered", async () => {
  const { ask } = setUp({ inner: [{ ...PER_MODEL, requests: 2 }], models: { a: ["b"] } });
  for (let call = 0; call < 2; call++) await textOf(ask("a").replying);
  const { request, replying } = ask("a");
  await textOf(replying);
  const headers = answerHeaders(request.call);
  assert.deepEqual([headers["x-ratelimit-model"], headers["x-ratelimit-remaining"]], ["b", "1"]);
});

test("an answer of a model without a limit tells nothing of the limit of the one that was passed over", async () => {
  const onlyA: Limit = { requests: 1, windowMs: MINUTE, per: ({ model }) => (model === "a" ? "a" : undefined) };
  const { ask } = setUp({ inner: [onlyA] });
  await textOf(ask("a").replying);
  const { request, replying } = ask("a");
  assert.equal(await textOf(replying), "ok");
  assert.deepEqual(answerHeaders(request.call), {});
});

test("what callers are told of both layers is the outer one's where both say it", async () => {
  const { ask } = setUp({
    outer: [{ requests: 50, windowMs: MINUTE }],
    inner: [PER_MODEL, { tokens: 7000, windowMs: MINUTE, per: "model" }],
  });
  const { request, replying } = ask("a");
  await textOf(replying);
  const headers = answerHeaders(request.call);
  assert.equal(headers["x-ratelimit-limit"], "50");
  assert.equal(headers["x-ratelimit-limit-requests"], "50");
  assert.equal(headers["x-ratelimit-limit-tokens"], "7000");
});

test("a caller whose limit is reached reaches no model, and no model's limit is used", async () => {
  const { ask, handler, told } = setUp({ outer: [{ requests: 1, windowMs: MINUTE }], inner: [PER_MODEL] });
  await textOf(ask("a").replying);
  const error = await failureOf(ask("b").replying);
  assert.equal(error.code, "llm.rate_limit.requests");
  assert.match(error.message, /\(requests per caller\)/);
  assert.equal(handler.requests.length, 1);
  assert.deepEqual(told, ["outer", "inner", "outer"]);
});

test("tokens of a caller are given back where every model refuses", async () => {
  const { ask, left } = setUp({ outer: [{ tokens: 10_000, windowMs: MINUTE }], inner: [PER_MODEL] }, "a", "b");
  await textOf(ask("a").replying);
  await textOf(ask("a").replying);
  await settled();
  const before = left.at(-1);
  await failureOf(ask("a").replying);
  await settled();
  assert.equal(left.length, 6);
  assert.equal(left.at(-1), before);
});

test("each model that is asked is charged, and one that failed is given its tokens back", async () => {
  const limit: Limit = { tokens: 5000, windowMs: MINUTE, per: "model" };
  const { ask, remaining } = setUp({ inner: [limit] }, busy, "12345678", "a", "a");
  await textOf(ask("a").replying);
  await settled();
  // What a call of each would find: its own reservation is 5 for the prompt and 100 for the answer.
  await textOf(ask("a").replying);
  await textOf(ask("b").replying);
  assert.deepEqual(remaining.slice(2), [5000 - 106, 5000 - 6 - 2 - 106]);
});

const busy = new GatewayError("llm.provider.overloaded", "busy");

interface Layers extends FallbackOptions {
  readonly outer?: readonly Limit[];
  readonly inner: readonly Limit[];
}

/** Callers' limits, then a fallback from a to b, then models' limits. `left` is what callers have left, step by step. */
function setUp({ outer, inner, models = { a: ["b"] }, ...options }: Layers, ...outcomes: readonly Outcome[]) {
  const clock = fakeClock();
  const store = memoryStore({ clock });
  const outerStore: LimitStore = {
    async draw(...step) {
      const drawn = await store.draw(...step);
      left.push(drawn.states[0]?.remaining);
      return drawn;
    },
  };
  const left: (number | undefined)[] = [];
  const told: string[] = [];
  const remaining: number[] = [];
  const layer = (name: string, limits: readonly Limit[]) =>
    rateLimit({
      limits,
      store: name === "outer" ? outerStore : store,
      name,
      onDecision: ({ layer, limits }) => {
        told.push(layer);
        remaining.push(...limits.map(({ remaining }) => remaining));
      },
    });
  const handler = scripted(...(outcomes.length > 0 ? outcomes : Array<Outcome>(9).fill("ok")));
  const layers = [
    ...(outer ? [layer("outer", outer)] : []),
    fallback({ models, clock, ...options }),
    layer("inner", inner),
  ];
  const pipeline = compose(layers, handler);
  const ask = (model: string) => {
    const request = chat({ model, max_tokens: 100 });
    return { request, replying: pipeline(request) };
  };
  return { ask, handler, clock, told, remaining, left };
}
