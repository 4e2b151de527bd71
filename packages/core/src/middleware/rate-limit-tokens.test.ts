import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeaders } from "../answer-headers.ts";
import { attempts } from "../attempts.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatBody, ChatChunk, LimitStore, Usage } from "../index.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled, textOf } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type RateLimitOptions, rateLimit } from "./rate-limit.ts";

const MINUTE = 60_000;
const LIMITS = [{ tokens: 10_000, windowMs: MINUTE }];
/** What every prompt has here. */
const PROMPT = 20;

const RESERVED: readonly (readonly [body: Partial<ChatBody>, tokens: number])[] = [
  [{}, 1000],
  [{ max_tokens: 50 }, 50],
  [{ max_completion_tokens: 70 }, 70],
  [{ max_completion_tokens: 70, max_tokens: 50 }, 70],
  [{ max_completion_tokens: null, max_tokens: 50 }, 50],
  [{ max_completion_tokens: null, max_tokens: null }, 1000],
  [{ max_tokens: 50, n: 3 }, 150],
  [{ n: 2 }, 2000],
  [{ max_tokens: 50, n: null }, 50],
];

test("a call reserves its prompt and as much as it may answer, for each answer", async () => {
  for (const [body, tokens] of RESERVED) {
    const { ask, left } = setUp({ limits: LIMITS });
    const { replying } = ask(body);
    await settled();
    assert.deepEqual(left(), [10_000 - PROMPT - tokens], JSON.stringify(body));
    await textOf(replying);
  }
});

test("how much is reserved for an answer without a limit of its own can be said", async () => {
  for (const assumedOutputTokens of [0, 300]) {
    const { ask, left } = setUp({ limits: LIMITS, assumedOutputTokens });
    await ask({ n: 2 }).replying;
    assert.deepEqual(left(), [10_000 - PROMPT - 2 * assumedOutputTokens]);
  }
});

test("a call that does not fit is refused, and told what is left and when it would", async () => {
  const { ask, handler, clock } = setUp({ limits: LIMITS });
  await ask({ max_tokens: 9000 }).replying;
  await clock.advance(15_000);
  const { request, replying } = ask({ max_tokens: 1000 });
  const error = await failureOf(replying);
  assert.deepEqual([error.code, error.status, error.retryAfterMs], ["llm.rate_limit.tokens", 429, 45_000]);
  assert.equal(answerHeaders(request.call)["x-ratelimit-remaining-tokens"], "980");
  assert.equal(handler.requests.length, 1);
  await ask({ max_tokens: 900 }).replying;
});

test("a call that could never fit is refused for good", async () => {
  const { ask, handler } = setUp({ limits: LIMITS });
  const error = await failureOf(ask({ max_tokens: 9981 }).replying);
  assert.deepEqual([error.code, error.retryable], ["llm.rate_limit.tokens", false]);
  assert.match(error.message, /^This call counts as 10,001 tokens, and the limit is 10,000 tokens/);
  await textOf(ask({ max_tokens: 9980 }).replying);
  assert.equal(handler.requests.length, 1);
});

const SETTLED: Readonly<Record<string, readonly [usage: unknown, used: number]>> = {
  "with what the provider reports, where that is less than was reserved": [{ total_tokens: 30 }, 30],
  "with what the provider reports, where that is more than was reserved": [{ total_tokens: 5000 }, 5000],
  "with the sum of both sides": [{ prompt_tokens: 11, completion_tokens: 22 }, 33],
  "with no tokens, where the provider says so": [{ total_tokens: 0 }, 0],
  "with what was seen, where the provider reports nothing": [undefined, PROMPT + 3],
  "with what was seen, where usage is null": [null, PROMPT + 3],
  "with what was seen, where usage has other names": [{ input_tokens: 5, output_tokens: 9 }, PROMPT + 3],
  "with what was seen, where usage is empty": [{}, PROMPT + 3],
  "with what was seen, where usage is a text": [{ total_tokens: "12" }, PROMPT + 3],
  "with what was seen, where usage is NaN": [{ total_tokens: Number.NaN }, PROMPT + 3],
  "with what was seen, where usage is negative": [{ total_tokens: -1_000_000 }, PROMPT + 3],
  "with what was seen, where usage is beyond all measure": [{ total_tokens: 1e300 }, PROMPT + 3],
};

for (const [how, [usage, used]] of Object.entries(SETTLED)) {
  test(`a call is settled ${how}`, async () => {
    // What providers send, whatever the types say.
    const last = { choices: [], usage: usage as Usage };
    const { ask, left, settlements } = setUp({ limits: LIMITS }, [...chunksOf("12345", "67890"), last]);
    await textOf(ask({ max_tokens: 500 }).replying);
    await settled();
    assert.deepEqual(left(), [10_000 - used]);
    assert.equal(settlements(), 1);
  });
}

for (const [how, usages, tokens] of [
  ["what its tries have used, whatever became of them", [{ total_tokens: 900 }, { total_tokens: 1100 }], 2000],
  ["what was reserved, where an answer of no use came and nobody says what it used", [], PROMPT + 1000],
] as const) {
  test(`a call whose answer is refused is settled with ${how}`, async () => {
    const noted = usages.map((usage) => ({ provider: "p", model: "m", status: 200, durationMs: 1, usage }));
    const { ask, left } = setUp({ limits: LIMITS }, async ({ call }) => {
      call.context.set(attempts, noted);
      throw new GatewayError("llm.output.schema_mismatch", "no");
    });
    await failureOf(ask({}).replying);
    await settled();
    assert.deepEqual(left(), [10_000 - tokens]);
  });
}

test("of several usages the last one counts", async () => {
  const chunks: ChatChunk[] = chunksOf("a").map((chunk, at) => ({ ...chunk, usage: { total_tokens: 100 + at } }));
  const { ask, left } = setUp({ limits: LIMITS }, chunks);
  await textOf(ask().replying);
  await settled();
  assert.deepEqual(left(), [10_000 - 102]);
});

test("a call that used just what it reserved needs no settlement", async () => {
  const { ask, settlements } = setUp({ limits: LIMITS }, usingTokens(PROMPT + 50));
  await textOf(ask({ max_tokens: 50 }).replying);
  await settled();
  assert.equal(settlements(), 0);
});

test("tokens used beyond the limit are a debt that later calls wait for", async () => {
  const { ask, clock } = setUp({ limits: LIMITS }, usingTokens(25_000), "b");
  await textOf(ask().replying);
  await settled();
  const { request, replying } = ask();
  assert.equal((await failureOf(replying)).retryAfterMs, 2 * MINUTE);
  assert.equal(answerHeaders(request.call)["x-ratelimit-remaining"], "0");
  await clock.advance(2 * MINUTE);
  await textOf(ask().replying);
});

test("tokens that were reserved in a window that is over are not given back to the next", async () => {
  for (const [used, left] of [
    [100, 9000],
    [2000, 8000],
  ] as const) {
    const gate = Promise.withResolvers<void>();
    const slow: Outcome = async (request) => {
      await gate.promise;
      return scripted(usingTokens(used))(request);
    };
    const { ask, clock, left: leftNow } = setUp({ limits: LIMITS }, slow, "b");
    const { replying } = ask({ max_tokens: 1000 - PROMPT });
    await clock.advance(MINUTE);
    await ask({ max_tokens: 1000 - PROMPT }).replying;
    assert.deepEqual(leftNow(), [9000]);
    gate.resolve();
    await textOf(replying);
    await settled();
    assert.deepEqual(leftNow(), [left]);
  }
});

test("a bucket gets back what was not used, but holds no more than it may", async () => {
  const { ask, left, clock } = setUp(
    { limits: [{ tokens: 1000, refillPerSecond: 10 }] },
    usingTokens(100),
    async (request) => {
      await clock.advance(1_000_000);
      return scripted(usingTokens(100))(request);
    },
  );
  await textOf(ask({ max_tokens: 900 }).replying);
  await settled();
  assert.deepEqual(left(), [900]);
  await textOf(ask({ max_tokens: 800 }).replying);
  await settled();
  assert.deepEqual(left(), [1000]);
});

test("tokens count as their weight says, at the reservation and at the settlement", async () => {
  const { ask, left, steps } = setUp(
    { limits: [{ ...LIMITS[0], tokens: 10_000, windowMs: MINUTE, weight: 3 }] },
    usingTokens(40),
  );
  await textOf(ask({ max_tokens: 80 }).replying);
  await settled();
  assert.deepEqual(
    steps.map(({ costs }) => costs),
    [[300], [-180]],
  );
  assert.deepEqual(left(), [10_000 - 120]);
});

test("requests are counted beside tokens, and are not settled", async () => {
  const limits = [{ requests: 5, windowMs: MINUTE }, ...LIMITS];
  const { ask, steps } = setUp({ limits }, usingTokens(40), "b");
  await textOf(ask({ max_tokens: 80 }).replying);
  await settled();
  const second = ask({ max_tokens: 80 });
  await textOf(second.replying);
  assert.deepEqual(steps.slice(0, 2), [
    { settle: false, costs: [1, 100], left: [4, 9900] },
    { settle: true, costs: [-60], left: [9960] },
  ]);
  const headers = answerHeaders(second.request.call);
  assert.deepEqual([headers["x-ratelimit-remaining"], headers["x-ratelimit-remaining-tokens"]], ["3", "9860"]);
});

function usingTokens(total_tokens: number): Outcome {
  return [...chunksOf("a"), { choices: [], usage: { total_tokens } }];
}

/** `steps` is what the store was asked, and what was left after each. */
function setUp(options: Omit<RateLimitOptions, "store">, ...outcomes: readonly Outcome[]) {
  const clock = fakeClock();
  const memory = memoryStore({ clock });
  const steps: { readonly settle: boolean; readonly costs: readonly number[]; readonly left: readonly number[] }[] = [];
  const store: LimitStore = {
    async draw(group, draws, settle) {
      const { taken, states } = await memory.draw(group, draws, settle);
      steps.push({ settle, costs: draws.map(({ cost }) => cost), left: states.map(({ remaining }) => remaining) });
      return { taken, states };
    },
  };
  const handler = scripted(...(outcomes.length > 0 ? outcomes : Array<Outcome>(5).fill("ok")));
  const pipeline = compose([rateLimit({ countTokens: () => PROMPT, ...options, store })], handler);
  const ask = (body: Partial<ChatBody> = {}) => {
    const request = chat(body);
    return { request, replying: pipeline(request) };
  };
  const left = () => steps.at(-1)?.left ?? [];
  return { ask, left, clock, handler, steps, settlements: () => steps.filter(({ settle }) => settle).length };
}
