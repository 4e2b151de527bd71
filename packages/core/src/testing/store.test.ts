import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "../stores/memory-store.ts";
import type { Draw, Drawn, DrawState, Store } from "../stores/store.ts";
import { fakeClock } from "./clock.ts";
import { testStore } from "./store.ts";

const LONG_MS = 3_600_000;

type Breakage = (store: Store) => Partial<Store>;

/** Stores that break one promise each, and what the contract must say of it. */
const BROKEN: Readonly<Record<string, readonly [breakage: Breakage, expected: RegExp]>> = {
  "takes from counts one by one": [
    (store) => ({
      async draw(group, draws, settle) {
        const all: Drawn[] = [];
        for (const draw of draws) all.push(await store.draw(group, [draw], settle));
        return { taken: all.every(({ taken }) => taken), states: all.flatMap(({ states }) => states) };
      },
    }),
    /from all counts or from none/,
  ],
  "looks first and takes later": [
    (store) => ({
      async draw(group, draws, settle) {
        const seen = await store.draw(group, free(draws), true);
        if (!settle && seen.states.some(({ remaining }, at) => remaining < (draws[at]?.cost ?? 0))) {
          return store.draw(group, draws, settle);
        }
        return store.draw(group, draws, true);
      },
    }),
    /at once exactly its capacity/,
  ],
  "forgets debts": [
    (store) => ({
      draw: (group, draws, settle) => store.draw(group, draws, settle && draws.some(({ cost }) => cost <= 0)),
    }),
    /a debt/,
  ],
  "gives back to the next window": [
    (store) => ({
      draw: (group, draws, settle) =>
        store.draw(
          group,
          draws.map(({ since, ...draw }) => draw),
          settle,
        ),
    }),
    /not given back to the next one/,
  ],
  "drops a settlement whose window is over": [
    (store) => ({
      async draw(group, draws, settle) {
        const { states } = await store.draw(group, free(draws), true);
        const isLate = ({ since }: Draw, at: number): boolean => since !== undefined && since !== states[at]?.since;
        return store.draw(
          group,
          settle ? draws.map((draw, at) => (isLate(draw, at) ? { ...draw, cost: 0 } : draw)) : draws,
          settle,
        );
      },
    }),
    /though its window is over/,
  ],
  "counts windows as buckets": [
    (store) => drawing(store, (draw) => ({ ...draw, rate: { ...draw.rate, kind: "bucket" } })),
    /a window comes back whole|gives nothing back before its end/,
  ],
  "counts buckets as windows": [
    (store) => drawing(store, (draw) => ({ ...draw, rate: { ...draw.rate, kind: "window" } })),
    /a bucket comes back steadily/,
  ],
  "cuts keys": [(store) => drawing(store, (draw) => ({ ...draw, key: draw.key.slice(0, 256) })), /any length/],
  "knows keys by what is in braces": [
    (store) => drawing(store, (draw) => ({ ...draw, key: /\{(.+?)\}/.exec(draw.key)?.[1] ?? draw.key })),
    /any length and content/,
  ],
  "sends keys as UTF-8": [
    (store) => drawing(store, (draw) => ({ ...draw, key: draw.key.toWellFormed() })),
    /halves of surrogate pairs/,
  ],
  "says that one must wait for too short a time": [
    (store) => stating(store, (state) => ({ ...state, waitMs: state.waitMs / 2 })),
    /who waits/,
  ],
  "says what is left in parts": [
    (store) => stating(store, (state) => ({ ...state, remaining: state.remaining + 0.5 })),
    /says what is left/,
  ],
  "says what was left before": [
    (store) => ({
      async draw(group, draws, settle) {
        const before = await store.draw(group, free(draws), true);
        const { taken, states } = await store.draw(group, draws, settle);
        return {
          taken,
          states: states.map((state, at) => ({ ...state, remaining: before.states[at]?.remaining ?? 0 })),
        };
      },
    }),
    /gives its capacity/,
  ],
  "has a slot too many": [
    (store) => ({ lease: (key, owner, max, leaseMs) => store.lease(key, owner, max + 1, leaseMs) }),
    /as many owners as it may/,
  ],
  "renews no slot": [
    (store) => ({
      lease: async (key, owner, max, leaseMs) => {
        return !(await store.lease(key, `${owner}?`, 0, 1)) && store.lease(key, owner + Math.random(), max, leaseMs);
      },
    }),
    /renews its slot/,
  ],
  "keeps the slots of the dead": [
    (store) => ({ lease: (key, owner, max) => store.lease(key, owner, max, LONG_MS) }),
    /once its lease has ended/,
  ],
  "lets everybody free a slot": [
    (store) => ({
      async release(key) {
        for (const owner of ["a", "b", "c"]) await store.release(key, owner);
      },
    }),
    /frees none/,
  ],
  "lets two execute a call": [
    (store) => ({
      claim: async (key, fingerprint, _, leaseMs) => store.claim(key, fingerprint, "anybody", leaseMs),
    }),
    /exactly one gets it/,
  ],
  "lets everybody settle a call": [
    (store) => ({
      async settle(key, _, record, ttlMs) {
        for (const owner of ["a", "b", "stranger"]) await store.settle(key, owner, record, ttlMs);
      },
    }),
    /only its owner settles/,
  ],
  "cuts records": [
    (store) => ({
      settle: (key, owner, record, ttlMs) => store.settle(key, owner, record?.slice(0, 100_000), ttlMs),
    }),
    /comes back exactly/,
  ],
  "takes an empty record for none": [
    (store) => ({ settle: (key, owner, record, ttlMs) => store.settle(key, owner, record || undefined, ttlMs) }),
    /comes back exactly/,
  ],
  "forgets no record": [
    (store) => ({ settle: (key, owner, record) => store.settle(key, owner, record, LONG_MS) }),
    /then forgotten/,
  ],
  "forgets no claim": [
    (store) => ({ claim: (key, fingerprint, owner) => store.claim(key, fingerprint, owner, LONG_MS) }),
    /ends by itself/,
  ],
};

test("a store that keeps the contract passes all of it, and waits for less than three seconds", async () => {
  const { passed, failed, waitedMs } = await contract(() => ({}));
  assert.deepEqual(failed, []);
  assert.ok(passed.length > 40);
  assert.ok(waitedMs < 3000, `${waitedMs} ms`);
});

for (const [how, [breakage, expected]] of Object.entries(BROKEN)) {
  test(`the contract finds a store that ${how}`, async () => {
    const { passed, failed } = await contract(breakage);
    assert.ok(
      failed.some((name) => expected.test(name)),
      `failed: ${failed.join("; ")}`,
    );
    // It breaks one promise, not all.
    assert.ok(passed.length > 10, `failed: ${failed.join("; ")}`);
  });
}

test("every store that was started is closed, also where the test fails", async () => {
  const never = (): never => {
    throw new Error("broken");
  };
  const { failed, started, closed } = await contract(() => ({ draw: never, lease: never, claim: never }));
  assert.ok(failed.length > 40 && started >= failed.length);
  assert.equal(closed, started);
});

/** Runs the whole contract. */
async function contract(breakage: Breakage) {
  const tests: (readonly [name: string, run: () => Promise<void>])[] = [];
  const told = { passed: [] as string[], failed: [] as string[], started: 0, closed: 0, waitedMs: 0 };
  testStore(
    (name, run) => tests.push([name, run]),
    async () => {
      told.started++;
      const clock = fakeClock();
      const store = memoryStore({ clock });
      return {
        store: { ...store, ...breakage(store) },
        wait: async (ms) => {
          told.waitedMs += ms;
          await clock.advance(ms);
        },
        close: async () => {
          told.closed++;
        },
      };
    },
  );
  for (const [name, run] of tests) {
    await run().then(
      () => told.passed.push(name),
      () => told.failed.push(name),
    );
  }
  return told;
}

function free(draws: readonly Draw[]): Draw[] {
  return draws.map((draw) => ({ ...draw, cost: 0 }));
}

function drawing(store: Store, change: (draw: Draw) => Draw): Partial<Store> {
  return { draw: (group, draws, settle) => store.draw(group, draws.map(change), settle) };
}

function stating(store: Store, change: (state: DrawState) => DrawState): Partial<Store> {
  return {
    async draw(group, draws, settle) {
      const { taken, states } = await store.draw(group, draws, settle);
      return { taken, states: states.map(change) };
    },
  };
}
