import assert from "node:assert/strict";
import { test } from "node:test";
import { answerHeaders } from "../answer-headers.ts";
import { compose } from "../compose.ts";
import type { ChatRequest, LimitDecision, LimitStore } from "../index.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled, textOf } from "../testing/outcome.ts";
import { chat, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type RateLimitMode, type RateLimitOptions, rateLimit } from "./rate-limit.ts";

const ONE = [{ requests: 1, windowMs: 60_000 }];

test("a dry run counts and decides, but every call passes and its caller is shown nothing", async () => {
  const { ask, told, handler } = setUp({ limits: ONE, mode: "dry-run" });
  for (let call = 0; call < 3; call++) {
    const request = chat();
    assert.equal(await textOf(ask(request)), "ok");
    assert.deepEqual(answerHeaders(request.call), {});
  }
  assert.equal(handler.requests.length, 3);
  assert.deepEqual(
    told.map(({ allowed, dryRun }) => ({ allowed, dryRun })),
    [
      { allowed: true, dryRun: true },
      { allowed: false, dryRun: true },
      { allowed: false, dryRun: true },
    ],
  );
});

test("a dry run settles tokens as they were used, and those of a call that it would have refused not at all", async () => {
  const usage = { total_tokens: 900 };
  const { ask, told, steps } = setUp({ limits: [{ tokens: 1000, windowMs: 60_000 }], mode: "dry-run" }, [
    { choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }], usage },
  ]);
  await textOf(ask(chat({ max_tokens: 100 })));
  await settled();
  await textOf(ask(chat({ max_tokens: 100 })));
  await settled();
  assert.deepEqual(
    told.map(({ allowed }) => allowed),
    [true, false],
  );
  assert.deepEqual(steps, [false, true, false]);
});

test("what is off counts nothing, shows nothing and tells nothing", async () => {
  const { ask, told, steps } = setUp({ limits: ONE, mode: "off" });
  for (let call = 0; call < 3; call++) {
    const request = chat();
    assert.equal(await textOf(ask(request)), "ok");
    assert.deepEqual(answerHeaders(request.call), {});
  }
  assert.deepEqual([told, steps], [[], []]);
});

test("a mode that is a function is asked at each call", async () => {
  let mode: RateLimitMode = "off";
  const { ask, steps } = setUp({ limits: ONE, mode: () => mode });
  await textOf(ask(chat()));
  assert.equal(steps.length, 0);
  mode = "dry-run";
  for (let call = 0; call < 2; call++) await textOf(ask(chat()));
  mode = "enforce";
  assert.equal((await failureOf(ask(chat()))).code, "llm.rate_limit.requests");
  mode = "off";
  await textOf(ask(chat()));
});

test("a mode that changes while a call runs changes nothing for that call", async () => {
  let mode: RateLimitMode = "enforce";
  const gate = Promise.withResolvers<void>();
  const { ask, steps } = setUp({ limits: [{ tokens: 5000, windowMs: 60_000 }], mode: () => mode }, async (request) => {
    await gate.promise;
    return scripted("late")(request);
  });
  const replying = ask(chat());
  await settled();
  mode = "off";
  gate.resolve();
  await textOf(replying);
  await settled();
  assert.deepEqual(steps, [false, true]);
});

// What a configuration may hold, whatever the types say.
const NO_MODES = ["dryrun", "", "on", true, null, 0, {}] as unknown as readonly RateLimitMode[];

test("a mode that is none is refused by name, and one that a function answers fails the call", async () => {
  for (const mode of NO_MODES) {
    const expected = { name: "TypeError", message: /^rateLimit: mode must be "enforce", "dry-run" or "off", not / };
    assert.throws(() => rateLimit({ limits: ONE, mode }), expected);
    const { ask, handler } = setUp({ limits: ONE, mode: () => mode });
    await assert.rejects(ask(chat()), expected);
    assert.equal(handler.requests.length, 0);
  }
});

test("options that cannot be used are refused by name", () => {
  for (const assumedOutputTokens of [-1, 0.5, Number.NaN, 1e10, "10"]) {
    // What a configuration may hold, whatever the types say.
    const options = { limits: ONE, assumedOutputTokens } as RateLimitOptions;
    assert.throws(() => rateLimit(options), { name: "TypeError", message: /^rateLimit: assumedOutputTokens must be/ });
  }
  assert.throws(() => rateLimit({ limits: [] }), { name: "TypeError", message: /^rateLimit: limits must/ });
});

/** `steps` is what the store was asked: whether each was a settlement. */
function setUp(options: RateLimitOptions, outcome: Outcome = "ok") {
  const memory = memoryStore({ clock: fakeClock() });
  const steps: boolean[] = [];
  const store: LimitStore = {
    draw(group, draws, settle) {
      steps.push(settle);
      return memory.draw(group, draws, settle);
    },
  };
  const told: LimitDecision[] = [];
  const onDecision = (decision: LimitDecision) => void told.push(decision);
  const handler = scripted(...Array<Outcome>(10).fill(outcome));
  const pipeline = compose([rateLimit({ ...options, store, onDecision })], handler);
  return { ask: (request: ChatRequest) => pipeline(request), told, steps, handler };
}
