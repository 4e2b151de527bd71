import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest } from "@gatewright/core";
import fc from "fast-check";
import type { CallPlan, Reported } from "./limits-calls.ts";
import { type Day, type LimitPlan, runDay } from "./limits-day.ts";

// Whatever is limited, whoever calls and however the calls go: each is decided and counted as a log of all calls says,
// and once all are over nothing is reserved and nobody waits.

/** Of some fifty calls each. */
const RUNS = 2300;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const subject = fc.constantFrom<LimitPlan["subject"][]>(
  ...([undefined, "caller", "address", "model", [], ["caller", "model"], ["address", notOfA], notOfA] as const),
);

/** For each call but those of a model. */
function notOfA({ model }: ChatRequest): string | undefined {
  return model === "a" ? undefined : "others";
}

const amount: fc.Arbitrary<LimitPlan["amount"]> = fc.oneof(
  fc.record({ requests: fc.constantFrom(1, 4, 16, 64) }),
  fc.record({ tokens: fc.constantFrom(64, 256, 1024, 4096) }),
);
const comesBack: fc.Arbitrary<LimitPlan["comesBack"]> = fc.oneof(
  fc.record({ windowMs: fc.constantFrom(1, 50, 200, 1000) }),
  fc.record({ refillPerSecond: fc.constantFrom(15.625, 125, 1000) }),
);
const weight = fc.constantFrom<LimitPlan["weight"][]>(undefined, undefined, 1, 0.5, 3, 0, ({ model }: ChatRequest) =>
  model === "a" ? 0.25 : 2,
);

const reported = fc.constantFrom<Reported[]>(
  { usage: { total_tokens: 70 }, says: 70 },
  { usage: { total_tokens: 700, prompt_tokens: 1 }, says: 700 },
  { usage: { prompt_tokens: 11, completion_tokens: 22 }, says: 33 },
  { usage: { total_tokens: null, completion_tokens: 5 }, says: 5 },
  { usage: { total_tokens: 0 }, says: 0 },
  { usage: null, says: undefined },
  { usage: {}, says: undefined },
  { usage: { total_tokens: null, prompt_tokens: null }, says: undefined },
  ...[-1, 1.5, 1e300, Number.NaN, "70", [], true].map((total_tokens) => ({ usage: { total_tokens }, says: undefined })),
  { usage: { prompt_tokens: -50, completion_tokens: 1 }, says: undefined },
  { usage: { prompt_tokens: "5", completion_tokens: 1 }, says: undefined },
);

const tokens = fc.nat(100);
const call: fc.Arbitrary<CallPlan> = fc.record({
  at: fc.nat(2000),
  gapMs: fc.constantFrom(0, 0, 1, 20, 150, 700),
  caller: fc.constantFrom(undefined, "a", "b"),
  address: fc.constantFrom("192.0.2.1", "192.0.2.2"),
  model: fc.constantFrom("a", "b", "c"),
  promptTokens: fc.constantFrom(0, 1, 10, 60),
  fields: fc.oneof(
    fc.constant({}),
    fc.record({ max_tokens: tokens, n: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ max_completion_tokens: tokens, max_tokens: tokens }),
  ),
  pieces: fc.array(fc.constantFrom("", "abcd", "a", "é🔑", "x".repeat(500)), { maxLength: 4 }),
  usage: fc.oneof(
    fc.constant({}),
    fc.record({ 0: reported }),
    fc.record({ 1: reported, 3: reported }),
    fc.record({ 0: reported, 1: reported, 2: reported }),
  ),
  goes: fc.constantFrom<CallPlan["goes"][]>(
    ...([
      "completes",
      "completes",
      "completes",
      "aborted before",
      "fails",
      "interrupted",
      "left",
      "never read",
    ] as const),
    ...(["canceled", "canceled, answered late", "canceled, failed late"] as const),
    ...(["canceled in the middle", "canceled, stalled"] as const),
  ),
});

const day: fc.Arbitrary<Day> = fc.record({
  limits: fc.array(fc.record({ amount, comesBack, subject, weight }), { minLength: 1, maxLength: 4 }),
  dryRun: fc.constantFrom(false, false, false, true),
  calls: fc.array(call, { minLength: 1, maxLength: 100, size: "max" }),
});
test("rateLimit counts what each call used, however it went, and keeps nothing of it", {
  timeout: 60_000,
}, async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  let called = 0;
  const property = fc.asyncProperty(day, async (planned) => {
    called += planned.calls.length;
    await runDay(planned);
  });
  await fc.assert(property, { seed, numRuns: RUNS });
  t.diagnostic(`${called} calls`);
  assert.equal(timers(), before);
});
