import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draw, memoryStore, type Rate } from "@gatewright/core";
import fc from "fast-check";
import { Count, type Look } from "./limits-model.ts";

// Whatever is taken, settled and given back, in whatever order and at whatever times: what a store counts is what comes
// of all of it when it is worked out from the beginning.

const RUNS = 4000;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Numbers that add up exactly, so that no rounding is to be told from a fault. */
const rate: fc.Arbitrary<Rate> = fc.oneof(
  fc.record({
    kind: fc.constant("window" as const),
    capacity: fc.constantFrom(1, 2, 3, 7, 10, 12.5, 1000),
    periodMs: fc.constantFrom(1, 10, 100, 250, 1000),
  }),
  fc.record({
    kind: fc.constant("bucket" as const),
    capacity: fc.constantFrom(1, 2, 4, 8, 64, 1024),
    periodMs: fc.constantFrom(1, 16, 128, 256, 1024),
  }),
);

const FIVE = { minLength: 5, maxLength: 5 };

/** Of a capacity, in eighths of it: more than all of it, too. */
const share = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 10 }));
const correction = fc.oneof(fc.integer({ min: -8, max: 0 }), fc.integer({ min: -20, max: 40 }));
const counts = fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 5 });

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constant("take" as const), counts, shares: fc.array(share, FIVE) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("settle" as const),
      /** Which of the takings; one may be settled twice, or never. */
      which: fc.nat(),
      shares: fc.array(correction, FIVE),
      /** Whether it says of which stretch. */
      named: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("wait" as const),
      /** Until what was last refused can be taken, or for some time. */
      ms: fc.oneof(fc.constantFrom("refused" as const, "almost" as const), fc.nat(60), fc.nat(3000)),
    }),
  },
);

const steps = fc.record({
  rates: fc.array(rate, FIVE),
  steps: fc.array(step, { minLength: 1, maxLength: 60, size: "max" }),
});
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never;

test("the memory store counts what a log of all that happened says", async (t) => {
  t.diagnostic(`SEED=${seed}`);
  await fc.assert(fc.asyncProperty(steps, runSteps), { seed, numRuns: RUNS });
});

async function runSteps({ rates, steps }: Steps): Promise<void> {
  let now = 0;
  const store = memoryStore({ clock: { now: () => now, after: () => () => {} } });
  const models = rates.map((rate) => new Count(rate));
  const takings: { readonly draws: readonly Draw[]; readonly stretches: readonly number[] }[] = [];
  let refusedMs = 0;
  const modelOf = ({ key }: Draw): Count => models[Number(key)] as Count; // Keys are their numbers.
  const drawOf = (at: number, share: number): Draw => {
    const rate = rates[at] as Rate; // There are as many as numbers.
    return { key: String(at), rate, cost: (rate.capacity * share) / 8 };
  };

  for (const planned of steps) {
    if (planned.does === "wait") {
      const exact = planned.ms === "refused" || planned.ms === "almost";
      now += exact ? Math.max(0, refusedMs - (planned.ms === "almost" ? 1 : 0)) : Number(planned.ms);
    } else if (planned.does === "take") {
      const draws = planned.counts.map((at) => drawOf(at, planned.shares[at] ?? 0));
      const waits = draws.map((draw) => modelOf(draw).wait(now, draw.cost));
      const drawn = await store.draw("group", draws, false);
      const passes = waits.every((wait) => wait === 0);
      assert.equal(drawn.taken, passes);
      if (passes) {
        takings.push({ draws, stretches: draws.map((draw) => modelOf(draw).stretch(now)) });
        for (const draw of draws) modelOf(draw).change(now, draw.cost);
      } else refusedMs = Math.max(...waits.filter(Number.isFinite));
      for (const [at, { since, ...state }] of drawn.states.entries()) {
        const draw = draws[at] as Draw;
        const { remaining, resetMs } = modelOf(draw).look(now, 0);
        assert.deepEqual(state, { remaining, resetMs, waitMs: waits[at] });
        draws[at] = { ...draw, since };
      }
    } else {
      const taking = takings[planned.which % takings.length];
      if (!taking) continue;
      const corrections = taking.draws.map(({ since, key, rate }, at): Draw => {
        const cost = (rate.capacity * (planned.shares[at] ?? 0)) / 8;
        return { key, rate, cost, ...(planned.named && { since }) };
      });
      for (const [at, draw] of corrections.entries()) {
        modelOf(draw).change(now, draw.cost, planned.named ? taking.stretches[at] : undefined);
      }
      const { taken, states } = await store.draw("group", corrections, true);
      assert.equal(taken, true);
      for (const [at, { since: _, ...state }] of states.entries()) {
        assert.deepEqual(state, { ...modelOf(corrections[at] as Draw).look(now, 0), waitMs: 0 });
      }
    }
    await compare();
  }
  now += 1e9;
  for (const { remaining, resetMs } of await compare()) assert.ok(remaining >= 1 && resetMs === 0);

  /** All counts, as both see them. */
  async function compare(): Promise<readonly Look[]> {
    const all = rates.map((_, at) => drawOf(at, 0));
    const { states } = await store.draw("group", all, true);
    const expected = all.map((draw) => ({ ...modelOf(draw).look(now, 0), waitMs: 0 }));
    assert.deepEqual(
      states.map(({ since: _, ...state }) => state),
      expected,
    );
    return expected;
  }
}
