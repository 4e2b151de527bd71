import assert from "node:assert/strict";
import { APART_MS, LONG_MS, ODD_KEYS, rateOf, SHORT_MS, type StoreContract, shown, take } from "./store-contract.ts";

/** How slots are held. */
export function testLeases(contract: StoreContract): void {
  contract("a key has as many owners as it may, and one more when one is released", async ({ store }) => {
    assert.equal(await store.lease("key", "a", 2, LONG_MS), true);
    assert.equal(await store.lease("key", "b", 2, LONG_MS), true);
    assert.equal(await store.lease("key", "c", 2, LONG_MS), false);
    assert.equal(await store.lease("another", "c", 2, LONG_MS), true);
    await store.release("key", "a");
    assert.equal(await store.lease("key", "c", 2, LONG_MS), true);
    assert.equal(await store.lease("key", "a", 2, LONG_MS), false);
  });

  contract("an owner renews its slot where all are held, and has only one", async ({ store }) => {
    for (let round = 0; round < 3; round++) assert.equal(await store.lease("key", "a", 2, LONG_MS), true);
    assert.equal(await store.lease("key", "b", 2, LONG_MS), true);
    assert.equal(await store.lease("key", "a", 2, LONG_MS), true);
    await store.release("key", "a");
    assert.equal(await store.lease("key", "c", 2, LONG_MS), true);
  });

  contract("who holds no slot frees none", async ({ store }) => {
    await store.lease("key", "a", 1, LONG_MS);
    await store.release("key", "b");
    await store.release("unknown", "a");
    assert.equal(await store.lease("key", "b", 1, LONG_MS), false);
    await store.release("key", "a");
    await store.release("key", "a");
    assert.equal(await store.lease("key", "b", 1, LONG_MS), true);
  });

  contract("a slot that is not renewed is free once its lease has ended", async ({ store, wait }) => {
    await store.lease("key", "renewed", 2, SHORT_MS);
    await store.lease("key", "dead", 2, SHORT_MS);
    await store.lease("key", "renewed", 2, LONG_MS);
    await wait(SHORT_MS + APART_MS);
    assert.equal(await store.lease("key", "a", 2, LONG_MS), true);
    assert.equal(await store.lease("key", "b", 2, LONG_MS), false);
    assert.equal(await store.lease("key", "dead", 2, LONG_MS), false);
  });

  contract("where fewer may be held than are, owners keep theirs and nobody gets another", async ({ store }) => {
    for (const owner of ["a", "b", "c"]) await store.lease("key", owner, 3, LONG_MS);
    assert.equal(await store.lease("key", "a", 1, LONG_MS), true);
    assert.equal(await store.lease("key", "d", 1, LONG_MS), false);
    await store.release("key", "a");
    await store.release("key", "b");
    assert.equal(await store.lease("key", "d", 1, LONG_MS), false);
    await store.release("key", "c");
    assert.equal(await store.lease("key", "d", 1, LONG_MS), true);
  });

  contract("of many who want a slot at once as many get one as there are", async ({ store }) => {
    const owners = Array.from({ length: 50 }, (_, at) => String(at));
    const held = await Promise.all(owners.map((owner) => store.lease("key", owner, 5, LONG_MS)));
    assert.equal(held.filter(Boolean).length, 5);
    const holders = owners.filter((_, at) => held[at]);
    const renewed = await Promise.all(holders.map((owner) => store.lease("key", owner, 5, LONG_MS)));
    assert.deepEqual(renewed, [true, true, true, true, true]);
  });

  contract("slots of any key are its own, and beside its count and its record", async ({ store }) => {
    for (const key of ODD_KEYS) {
      const name = shown(key);
      assert.equal(await store.lease(key, "a", 1, LONG_MS), true, name);
      assert.equal(await store.lease(key, "b", 1, LONG_MS), false, name);
      assert.equal((await take(store, key, rateOf("window", 1))).taken, true, name);
      assert.equal((await store.claim(key, "print", "b", LONG_MS)).state, "claimed", name);
    }
    for (const key of ODD_KEYS) {
      const name = shown(key);
      await store.release(key, "a");
      assert.equal(await store.lease(key, "b", 1, LONG_MS), true, name);
      assert.equal((await store.claim(key, "print", "a", LONG_MS)).state, "running", name);
    }
  });
}
