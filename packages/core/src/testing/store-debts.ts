import assert from "node:assert/strict";
import type { Draw } from "../stores/store.ts";
import {
  APART_MS,
  assertTime,
  KINDS,
  LONG_MS,
  left,
  rateOf,
  SHORT_MS,
  type StoreContract,
  settle,
  take,
} from "./store-contract.ts";

/** How what was taken is corrected to what was used. */
export function testDebts(contract: StoreContract): void {
  for (const kind of KINDS) {
    contract(`a settlement takes more from a ${kind} than is left: a debt`, async ({ store }) => {
      const rate = rateOf(kind, 10);
      const { since } = await take(store, "a", rate, 10);
      const owed = await settle(store, "a", rate, 15, since);
      assert.equal(owed.remaining, -15);
      assertTime(owed.resetMs, kind === "window" ? 3 * LONG_MS : 2.5 * LONG_MS);
      // Each window pays ten of it: five are left of the third, and none of the second. A bucket pays it steadily.
      for (const [cost, windows, refills] of [
        [1, 2, 1.6],
        [5, 2, 2],
        [6, 3, 2.1],
        [10, 3, 2.5],
      ] as const) {
        const refused = await take(store, "a", rate, cost);
        assert.deepEqual([refused.taken, refused.remaining], [false, -15]);
        assertTime(refused.waitMs, (kind === "window" ? windows : refills) * LONG_MS);
      }
      assert.equal((await take(store, "a", rate, 11)).waitMs, Number.POSITIVE_INFINITY);
    });

    contract(`a settlement may be larger than a ${kind}, and many at once are all taken`, async ({ store }) => {
      const rate = rateOf(kind, 10);
      await Promise.all(Array.from({ length: 20 }, () => settle(store, "a", rate, 12)));
      assert.equal(await left(store, "a", rate), 10 - 20 * 12);
    });

    contract(`what is given back to a ${kind} can be taken again, and never makes more of it`, async ({ store }) => {
      const rate = rateOf(kind, 10);
      const { since } = await take(store, "a", rate, 6);
      assert.equal((await settle(store, "a", rate, -4, since)).remaining, 8);
      assert.equal((await settle(store, "a", rate, -100, since)).remaining, 10);
      assert.equal((await settle(store, "untouched", rate, -5)).remaining, 10);
      for (const key of ["a", "untouched"]) {
        assert.equal((await take(store, key, rate, 10)).taken, true);
        assert.equal((await take(store, key, rate, 1)).taken, false);
      }
    });

    contract(`who waits for as long as the debt of a ${kind} needs can take`, async ({ store, wait }) => {
      const rate = rateOf(kind, 10, SHORT_MS);
      await take(store, "a", rate, 10);
      await settle(store, "a", rate, 5);
      const refused = await take(store, "a", rate, 5);
      // A machine that stood still in the meantime has waited already.
      if (refused.taken) return;
      assert.ok(refused.waitMs > 0 && refused.waitMs <= SHORT_MS, String(refused.waitMs));
      await wait(refused.waitMs + APART_MS);
      assert.equal((await take(store, "a", rate, 5)).taken, true);
    });
  }

  contract("each window that passes pays its part of a debt", async ({ store, wait }) => {
    // A hundred windows long, so that the machine may take its time.
    const rate = rateOf("window", 10, SHORT_MS);
    await take(store, "a", rate, 10);
    await settle(store, "a", rate, 990);
    await wait(SHORT_MS + APART_MS);
    const { remaining, resetMs } = await settle(store, "a", rate, 0);
    assert.ok(remaining >= -980 && remaining < 0 && remaining % 10 === 0, String(remaining));
    assert.ok(resetMs < 99 * SHORT_MS && resetMs > 0, String(resetMs));
  });

  contract("what was taken from a window that is over is not given back to the next one", async ({ store, wait }) => {
    const rate = rateOf("window", 10, SHORT_MS);
    const first = await take(store, "a", rate, 10);
    await wait(SHORT_MS + APART_MS);
    const next = await take(store, "a", rate, 10);
    const given = await settle(store, "a", rate, -5, first.since);
    assert.equal(next.taken, true);
    // Where the machine stood still, the next one is over as well.
    assert.equal(given.remaining, given.resetMs === 0 ? 10 : 0);
    await settle(store, "b", rate, -10, first.since);
    assert.equal(await left(store, "b", rate), 10);
  });

  contract("what was used beyond the reservation counts, though its window is over", async ({ store, wait }) => {
    const rate = rateOf("window", 10, SHORT_MS);
    const { since } = await take(store, "a", rate, 1);
    await wait(SHORT_MS + APART_MS);
    assert.equal((await settle(store, "a", rate, 4, since)).remaining, 6);
  });

  contract("what is given back once windows have paid for it leaves no more than all", async ({ store, wait }) => {
    const rate = rateOf("window", 10, SHORT_MS);
    const { since } = await take(store, "a", rate, 10);
    await settle(store, "a", rate, 5);
    await wait(SHORT_MS + APART_MS);
    // Five were used after all, and the first window has paid for ten.
    const { remaining, resetMs } = await settle(store, "a", rate, -10, since);
    assert.deepEqual([remaining, resetMs], [10, 0]);
    const next = await take(store, "a", rate, 10);
    assert.deepEqual([next.taken, next.remaining], [true, 0]);
  });

  contract("a settlement of many counts is taken from each", async ({ store }) => {
    const draws = Array.from({ length: 20 }, (_, at): Draw => {
      return { key: `count ${at}`, rate: rateOf(at % 2 ? "bucket" : "window", 10), cost: 10 };
    });
    const { states } = await store.draw("group", draws, false);
    const corrections = draws.map((draw, at): Draw => ({ ...draw, cost: at - 10, since: states[at]?.since }));
    const settled = await store.draw("group", corrections, true);
    assert.equal(settled.taken, true);
    assert.deepEqual(
      settled.states.map(({ remaining }) => remaining),
      draws.map((_, at) => 10 - at),
    );
  });
}
