import assert from "node:assert/strict";
import type { IdempotencyStore } from "../stores/store.ts";
import { APART_MS, LONG_MS, ODD_KEYS, SHORT_MS, type StoreContract, shown } from "./store-contract.ts";

/** How calls are claimed and remembered. */
export function testRecords(contract: StoreContract): void {
  contract("a call is its first claimant's, and runs for every other", async ({ store }) => {
    assert.deepEqual(await store.claim("key", "print", "a", LONG_MS), { state: "claimed", fingerprint: "print" });
    assert.deepEqual(await store.claim("key", "other", "b", LONG_MS), { state: "running", fingerprint: "print" });
    assert.deepEqual(await store.claim("another", "other", "b", LONG_MS), { state: "claimed", fingerprint: "other" });
  });

  contract("of many who claim a call at once exactly one gets it", async ({ store }) => {
    const owners = Array.from({ length: 50 }, (_, at) => String(at));
    const claims = await Promise.all(owners.map((owner) => store.claim("key", `print ${owner}`, owner, LONG_MS)));
    const winner = claims.findIndex(({ state }) => state === "claimed");
    const states = claims.map(({ state, fingerprint }) => `${state} ${fingerprint}`);
    const expected = owners.map((_, at) => `${at === winner ? "claimed" : "running"} print ${winner}`);
    assert.deepEqual(states, expected);
  });

  contract("what came of a call is there for everybody, its owner too", async ({ store }) => {
    await store.claim("key", "print", "a", LONG_MS);
    await store.settle("key", "a", "record", LONG_MS);
    const done = { state: "done", fingerprint: "print", record: "record" };
    for (const owner of ["a", "b", "b"]) assert.deepEqual(await store.claim("key", "other", owner, LONG_MS), done);
  });

  contract("a record comes back exactly", async ({ store }) => {
    const records = ["", " ", "0", "nil", "a\0b", '{"a":"\\n"}', "a\r\nb", "ключ é e\u0301 🔑 \u2028 \ufeff", "\ufffd"];
    // A megabyte, of which every character is two to four bytes.
    const large = "é€🔑".repeat(116_510);
    for (const [at, record] of [...records, "x".repeat(2 ** 20), large].entries()) {
      const key = `key ${at}`;
      await store.claim(key, "print", "a", LONG_MS);
      await store.settle(key, "a", record, LONG_MS);
      const claim = await store.claim(key, "print", "b", LONG_MS);
      // Not compared by `deepEqual`, which would print a megabyte.
      assert.ok(claim.state === "done" && claim.record === record, JSON.stringify(record.slice(0, 20)));
    }
  });

  contract("a call that is settled without a record is free", async ({ store }) => {
    await store.claim("key", "print", "a", LONG_MS);
    await store.settle("key", "a", undefined, LONG_MS);
    assert.deepEqual(await store.claim("key", "other", "b", LONG_MS), { state: "claimed", fingerprint: "other" });
  });

  contract("only its owner settles a call, and only once", async ({ store }) => {
    await store.claim("key", "print", "a", LONG_MS);
    for (const record of ["false", undefined]) {
      await store.settle("key", "b", record, LONG_MS);
      assert.equal(await stateOf(store, "key"), "running");
    }
    await store.settle("key", "a", "record", LONG_MS);
    for (const record of ["late", undefined]) await store.settle("key", "a", record, LONG_MS);
    const done = { state: "done", fingerprint: "print", record: "record" };
    assert.deepEqual(await store.claim("key", "print", "b", LONG_MS), done);
    await store.settle("unknown", "a", "record", LONG_MS);
    assert.equal(await stateOf(store, "unknown"), "claimed");
  });

  contract("a claim ends by itself after its lease, unless its owner renews it", async ({ store, wait }) => {
    await store.claim("dead", "print", "a", SHORT_MS);
    await store.claim("renewed", "print", "a", SHORT_MS);
    assert.equal((await store.claim("renewed", "print", "a", LONG_MS)).state, "claimed");
    await wait(SHORT_MS + APART_MS);
    assert.equal(await stateOf(store, "renewed"), "running");
    assert.deepEqual(await store.claim("dead", "other", "b", LONG_MS), { state: "claimed", fingerprint: "other" });
    // It has lost its claim to another.
    for (const record of ["late", undefined]) {
      await store.settle("dead", "a", record, LONG_MS);
      assert.equal(await stateOf(store, "dead"), "running");
    }
  });

  contract(
    "a record is kept for its time, however short the claim was, and then forgotten",
    async ({ store, wait }) => {
      await store.claim("kept", "print", "a", SHORT_MS * 100);
      await store.settle("kept", "a", "record", LONG_MS);
      await store.claim("forgotten", "print", "a", LONG_MS);
      await store.settle("forgotten", "a", "record", SHORT_MS);
      await wait(SHORT_MS + APART_MS);
      assert.equal(await stateOf(store, "kept"), "done");
      assert.deepEqual(await store.claim("forgotten", "new", "b", LONG_MS), { state: "claimed", fingerprint: "new" });
    },
  );

  contract("keys, owners and fingerprints may be any texts", async ({ store }) => {
    for (const [at, key] of ODD_KEYS.entries()) {
      const name = shown(key);
      const print = `print ${key}`;
      assert.deepEqual(await store.claim(key, print, key, LONG_MS), { state: "claimed", fingerprint: print }, name);
      assert.equal((await store.claim(key, print, `not ${key}`, LONG_MS)).state, "running", name);
      await store.settle(key, key, String(at), LONG_MS);
    }
    for (const [at, key] of ODD_KEYS.entries()) {
      const done = { state: "done", fingerprint: `print ${key}`, record: String(at) };
      assert.deepEqual(await store.claim(key, "another", "stranger", LONG_MS), done, shown(key));
    }
  });
}

/** What a stranger's claim finds; it leaves a free key free. */
async function stateOf(store: IdempotencyStore, key: string): Promise<string> {
  const { state } = await store.claim(key, "print", "stranger", LONG_MS);
  await store.settle(key, "stranger", undefined, LONG_MS);
  return state;
}
