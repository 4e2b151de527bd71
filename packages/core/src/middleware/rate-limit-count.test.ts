import assert from "node:assert/strict";
import { test } from "node:test";
import { compose } from "../compose.ts";
import type { ChatRequest, LimitStore } from "../index.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { settled, textOf } from "../testing/outcome.ts";
import { chat, fakeClock, scripted } from "../testing.ts";
import { type RateLimitOptions, rateLimit } from "./rate-limit.ts";

const MINUTE = 60_000;
const LIMITS = [{ tokens: 10_000, windowMs: MINUTE }];

test("where nobody says how a prompt is counted it is estimated", async () => {
  const { ask, costs } = setUp({ limits: LIMITS });
  await ask(chat({ messages: [{ role: "user", content: "a".repeat(400) }], max_tokens: 5 }));
  assert.deepEqual(costs, [104 + 5]);
});

test("a function of one's own counts the prompt, and is asked once", async () => {
  const asked: ChatRequest[] = [];
  const countTokens = (request: ChatRequest): number => asked.push(request) + 41;
  const limits = [...LIMITS, { tokens: 500, refillPerSecond: 10, weight: 2 }];
  const { ask, costs } = setUp({ limits, countTokens });
  const request = chat({ max_tokens: 5 });
  await ask(request);
  assert.deepEqual(costs, [47, 94]);
  assert.deepEqual(asked, [request]);
});

test("where only requests are limited no token is counted", async () => {
  const countTokens = (): number => assert.fail("it was counted");
  const { ask, costs } = setUp({ limits: [{ requests: 5, windowMs: MINUTE }], countTokens });
  await textOf(ask(chat()));
  await settled();
  assert.deepEqual(costs, [1]);
});

// What a function of one's own may answer, whatever the types say.
const NO_COUNTS = [Number.NaN, -1, Number.POSITIVE_INFINITY, 1e13, undefined, null, "12", {}] as number[];

test("a count of the prompt that is none fails the call by name, and nothing is taken", async () => {
  for (const count of NO_COUNTS) {
    const { ask, handler, costs } = setUp({ limits: LIMITS, countTokens: () => count });
    const expected = { name: "TypeError", message: /^rateLimit: countTokens must answer a number of tokens, not / };
    await assert.rejects(ask(chat()), expected, String(count));
    assert.deepEqual([handler.requests.length, costs.length], [0, 0]);
  }
});

test("what counts the prompt may throw, and that fails the call", async () => {
  const defect = new RangeError("no such model");
  const countTokens = (): never => {
    throw defect;
  };
  const { ask, costs } = setUp({ limits: LIMITS, countTokens });
  await assert.rejects(ask(chat()), (thrown) => thrown === defect);
  assert.equal(costs.length, 0);
});

/** `costs` is what the store was asked to take. */
function setUp(options: Omit<RateLimitOptions, "store">) {
  const memory = memoryStore({ clock: fakeClock() });
  const costs: number[] = [];
  const store: LimitStore = {
    draw(group, draws, settle) {
      costs.push(...draws.map(({ cost }) => cost));
      return memory.draw(group, draws, settle);
    },
  };
  const handler = scripted("a");
  return { ask: compose([rateLimit({ ...options, store })], handler), handler, costs };
}
