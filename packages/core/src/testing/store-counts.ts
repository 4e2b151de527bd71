import assert from "node:assert/strict";
import type { Draw } from "../stores/store.ts";
import {
  APART_MS,
  assertTime,
  KINDS,
  LONG_MS,
  left,
  ODD_KEYS,
  rateOf,
  SHORT_MS,
  type StoreContract,
  settle,
  shown,
  TEST_MS,
  TORN_KEYS,
  take,
} from "./store-contract.ts";

/** How counts are taken from. */
export function testCounts(contract: StoreContract): void {
  for (const kind of KINDS) {
    contract(`a ${kind} gives its capacity, and says what is left and when it is whole`, async ({ store }) => {
      const rate = rateOf(kind, 10);
      const before = await take(store, "a", rate, 0);
      assert.deepEqual([before.taken, before.remaining, before.resetMs], [true, 10, 0]);
      const half = await take(store, "a", rate, 5);
      assert.deepEqual([half.taken, half.remaining], [true, 5]);
      assertTime(half.resetMs, kind === "window" ? LONG_MS : LONG_MS / 2);
      assert.equal((await take(store, "a", rate, 5)).remaining, 0);
      const refused = await take(store, "a", rate, 1);
      assert.deepEqual([refused.taken, refused.remaining], [false, 0]);
      assertTime(refused.waitMs, kind === "window" ? LONG_MS : LONG_MS / 10);
      assertTime(refused.resetMs, LONG_MS);
    });

    contract(`of many who take from a ${kind} at once exactly its capacity pass`, async ({ store }) => {
      const rate = rateOf(kind, 20);
      const drawn = await Promise.all(Array.from({ length: 100 }, () => take(store, "a", rate)));
      const passed = drawn.filter(({ taken }) => taken);
      const inOrder = passed.map(({ remaining }) => remaining).sort((one, other) => other - one);
      assert.deepEqual(
        inOrder,
        Array.from({ length: 20 }, (_, at) => 19 - at),
      );
      assert.equal(await left(store, "a", rate), 0);
    });

    contract(`a ${kind} takes parts of one, and says what is left as a whole number`, async ({ store }) => {
      assert.equal((await take(store, "a", rateOf(kind, 10), 0.5)).remaining, 9);
      assert.equal((await take(store, "a", rateOf(kind, 10), 0.5)).remaining, 9);
      assert.equal((await take(store, "a", rateOf(kind, 10), 0.25)).remaining, 8);
      const drawn = await Promise.all(Array.from({ length: 9 }, () => take(store, "b", rateOf(kind, 1), 0.25)));
      assert.equal(drawn.filter(({ taken }) => taken).length, 4);
    });

    contract(`what costs nothing passes a ${kind} of which nothing is left`, async ({ store }) => {
      const rate = rateOf(kind, 3);
      await take(store, "a", rate, 3);
      const free = await take(store, "a", rate, 0);
      assert.deepEqual([free.taken, free.remaining], [true, 0]);
    });

    contract(`what costs more than the capacity of a ${kind} never passes, and takes nothing`, async ({ store }) => {
      const rate = rateOf(kind, 3);
      const never = await take(store, "a", rate, 3.5);
      assert.deepEqual([never.taken, never.remaining, never.waitMs], [false, 3, Number.POSITIVE_INFINITY]);
      assert.equal((await take(store, "a", rate, 3)).taken, true);
    });

    contract(`who waits for as long as a ${kind} says can take`, async ({ store, wait }) => {
      const rate = rateOf(kind, 6, SHORT_MS);
      await take(store, "a", rate, 6);
      const refused = await take(store, "a", rate, 6);
      // A machine that stood still in the meantime has waited already.
      if (refused.taken) return;
      assert.ok(refused.waitMs > 0 && refused.waitMs <= SHORT_MS, String(refused.waitMs));
      await wait(refused.waitMs + APART_MS);
      assert.equal((await take(store, "a", rate, 6)).taken, true);
    });
  }

  contract("a window counts from the first taking, not from the last", async ({ store, wait }) => {
    const rate = rateOf("window", 10);
    const first = await take(store, "a", rate);
    await wait(50);
    const second = await take(store, "a", rate);
    assert.ok(second.resetMs <= LONG_MS - 50 + APART_MS, String(second.resetMs));
    assert.equal(second.since, first.since);
  });

  contract("a window gives nothing back before its end", async ({ store, wait }) => {
    const rate = rateOf("window", LONG_MS);
    await take(store, "a", rate, LONG_MS);
    await wait(50);
    assert.equal(await left(store, "a", rate), 0);
  });

  contract("a window comes back whole, and the next begins with the next taking", async ({ store, wait }) => {
    const rate = rateOf("window", 3, SHORT_MS);
    const first = await take(store, "a", rate, 3);
    await wait(SHORT_MS + APART_MS);
    const next = await take(store, "a", rate, 1);
    assert.deepEqual([next.taken, next.remaining], [true, 2]);
    assert.ok(next.resetMs > SHORT_MS - APART_MS && next.resetMs <= SHORT_MS, String(next.resetMs));
    assert.notEqual(next.since, first.since);
  });

  contract("a bucket comes back steadily, and holds no more than its capacity", async ({ store, wait }) => {
    // One each millisecond.
    const rate = rateOf("bucket", LONG_MS);
    await take(store, "a", rate, LONG_MS);
    await take(store, "full", rate, 1);
    await wait(100);
    const some = await left(store, "a", rate);
    assert.ok(some >= 100 - APART_MS && some < TEST_MS, String(some));
    assert.equal(await left(store, "full", rate), LONG_MS);
  });

  contract("a step takes from all counts or from none", async ({ store }) => {
    const wide: Draw = { key: "wide", rate: rateOf("window", 5), cost: 1 };
    const narrow: Draw = { key: "narrow", rate: rateOf("bucket", 1), cost: 1 };
    assert.equal((await store.draw("group", [wide, narrow], false)).taken, true);
    for (const draws of [
      [wide, narrow],
      [narrow, wide],
    ]) {
      const { taken, states } = await store.draw("group", draws, false);
      assert.equal(taken, false);
      const [first, second] = states.map(({ remaining, waitMs }) => ({ remaining, waits: waitMs > 0 }));
      const expected = [
        { remaining: 4, waits: false },
        { remaining: 0, waits: true },
      ];
      assert.deepEqual(draws[0] === wide ? [first, second] : [second, first], expected);
    }
    const tooMuch = await store.draw("group", [wide, { key: "b", rate: rateOf("window", 1), cost: 2 }], false);
    assert.equal(tooMuch.taken, false);
    assert.equal(await left(store, "wide", wide.rate), 4);
    assert.equal(await left(store, "b", rateOf("window", 1)), 1);
  });

  contract("of many steps at once that share one count no more pass than it has", async ({ store }) => {
    const shared: Draw = { key: "shared", rate: rateOf("window", 7), cost: 1 };
    const rate = rateOf("bucket", 2);
    const steps = Array.from({ length: 50 }, (_, at): Draw[] => [{ key: `own ${at}`, rate, cost: 1 }, shared]);
    const drawn = await Promise.all(steps.map((draws) => store.draw("group", draws, false)));
    assert.equal(drawn.filter(({ taken }) => taken).length, 7);
    const own = await Promise.all(steps.map((_, at) => left(store, `own ${at}`, rate)));
    assert.deepEqual(
      own,
      drawn.map(({ taken }) => (taken ? 1 : 2)),
    );
  });

  contract("a step of many counts answers for each, in order", async ({ store }) => {
    const draws = Array.from({ length: 20 }, (_, at): Draw => {
      return { key: `count ${at}`, rate: rateOf(at % 2 ? "bucket" : "window", at + 1), cost: 1 };
    });
    const remaining = draws.map((_, at) => at);
    const first = await store.draw("group", draws, false);
    assert.deepEqual([first.taken, first.states.map((state) => state.remaining)], [true, remaining]);
    // Nothing is left of the first count.
    const second = await store.draw("group", draws, false);
    assert.deepEqual([second.taken, second.states.map((state) => state.remaining)], [false, remaining]);
    assert.deepEqual(
      second.states.map(({ waitMs }) => waitMs > 0),
      draws.map((_, at) => at === 0),
    );
  });

  for (const [name, keys] of [
    ["of any length and content", ODD_KEYS],
    ["that hold halves of surrogate pairs", TORN_KEYS],
  ] as const) {
    contract(`keys ${name} are counts of their own`, async ({ store }) => {
      const rate = rateOf("window", 1);
      for (const key of keys) assert.equal((await take(store, key, rate)).taken, true, shown(key));
      for (const key of keys) assert.equal((await take(store, key, rate)).taken, false, shown(key));
    });
  }

  contract(
    "groups may have any name, and keep what is theirs whatever others do with the same key",
    async ({ store }) => {
      const draws: Draw[] = [{ key: "key", rate: rateOf("window", 1), cost: 1 }];
      for (const group of ODD_KEYS) {
        await store.draw(group, draws, false);
        for (const other of ["", "another"]) await store.draw(other, draws, false);
        assert.equal((await store.draw(group, draws, false)).taken, false, shown(group));
        const own = [{ key: `key of ${group}`, rate: rateOf("bucket", 1), cost: 1 }];
        assert.equal((await store.draw(group, own, false)).taken, true, shown(group));
      }
    },
  );

  contract("a count holds where its settlement changes nothing", async ({ store }) => {
    for (const kind of KINDS) {
      const { since } = await take(store, kind, rateOf(kind, 5), 2);
      assert.equal((await settle(store, kind, rateOf(kind, 5), 0, since)).remaining, 3);
    }
  });
}
