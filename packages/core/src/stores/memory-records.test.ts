import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../testing.ts";
import { memoryStore } from "./memory-store.ts";

const LEASE = 60_000;
const TTL = 1000;

test("a key is its first claimant's, and runs for every other", async () => {
  const { store } = setUp();
  assert.deepEqual(await store.claim("key", "print", "a", LEASE), { state: "claimed", fingerprint: "print" });
  assert.deepEqual(await store.claim("key", "other", "b", LEASE), { state: "running", fingerprint: "print" });
  assert.deepEqual(await store.claim("another", "other", "b", LEASE), { state: "claimed", fingerprint: "other" });
});

test("of many who claim a key at once one gets it", async () => {
  const { store } = setUp();
  const owners = Array.from({ length: 50 }, (_, at) => String(at));
  const claims = await Promise.all(owners.map((owner) => store.claim("key", "print", owner, LEASE)));
  assert.equal(claims.filter(({ state }) => state === "claimed").length, 1);
});

test("a record is there for everybody, its owner too, as long as it is kept", async () => {
  const { store, clock } = setUp();
  await store.claim("key", "print", "a", LEASE);
  await store.settle("key", "a", "record", TTL);
  await clock.advance(TTL - 1);
  for (const owner of ["a", "b"]) {
    const done = { state: "done", fingerprint: "print", record: "record" };
    assert.deepEqual(await store.claim("key", "other", owner, LEASE), done);
  }
  await clock.advance(1);
  assert.equal((await store.claim("key", "other", "b", LEASE)).state, "claimed");
});

test("an empty record is a record", async () => {
  const { store } = setUp();
  await store.claim("key", "print", "a", LEASE);
  await store.settle("key", "a", "", TTL);
  assert.deepEqual(await store.claim("key", "print", "b", LEASE), { state: "done", fingerprint: "print", record: "" });
});

test("a key that is settled without a record is free", async () => {
  const { store } = setUp();
  await store.claim("key", "print", "a", LEASE);
  await store.settle("key", "a", undefined, TTL);
  assert.equal((await store.claim("key", "other", "b", LEASE)).state, "claimed");
});

test("a claim ends by itself after its lease, and its owner makes it last that much longer", async () => {
  const { store, clock } = setUp();
  await store.claim("key", "print", "a", LEASE);
  await clock.advance(LEASE - 1);
  assert.equal((await store.claim("key", "print", "a", LEASE)).state, "claimed");
  await clock.advance(LEASE - 1);
  assert.equal((await store.claim("key", "print", "b", LEASE)).state, "running");
  await clock.advance(1);
  assert.equal((await store.claim("key", "print", "b", LEASE)).state, "claimed");
});

test("who has lost its claim can no longer settle it, with a record or without", async () => {
  const { store, clock } = setUp();
  await store.claim("key", "print", "a", LEASE);
  await clock.advance(LEASE);
  await store.claim("key", "print", "b", LEASE);
  for (const record of ["late", undefined]) {
    await store.settle("key", "a", record, TTL);
    assert.equal((await store.claim("key", "print", "c", LEASE)).state, "running");
  }
  await store.settle("key", "b", "record", TTL);
  await store.settle("key", "b", undefined, TTL);
  await store.settle("unknown", "b", "record", TTL);
  assert.deepEqual(await states(store, ["key", "unknown"]), ["done", "claimed"]);
});

test("past the limit the oldest records go first, and a call that runs stays", async () => {
  const { store } = setUp(40_000);
  await store.claim("running", "print", "a", LEASE);
  // About 2,000 bytes each, and what an entry takes beside its text: there is room for some sixteen.
  const keys = Array.from({ length: 24 }, (_, at) => `key ${at}`);
  for (const key of keys) {
    await store.claim(key, "print", "a", LEASE);
    await store.settle(key, "a", "x".repeat(1000), TTL);
  }
  const kept = await states(store, keys);
  assert.equal(kept[0], "claimed");
  const first = kept.indexOf("done");
  assert.ok(first > 6 && first < 11, `${first} of 24 are gone`);
  assert.ok(kept.slice(first).every((state) => state === "done"));
  assert.deepEqual(await states(store, ["running"]), ["running"]);
});

test("a record over a sixteenth of the limit is not kept: its key is free, and nothing else is driven out", async () => {
  // A sixteenth is 1,000 bytes: 400 for the entry, and two for each character.
  for (const [length, state] of [
    [300, "done"],
    [301, "claimed"],
    [10_000, "claimed"],
  ] as const) {
    const { store } = setUp(16_000);
    await store.claim("running", "print", "a", LEASE);
    const others = Array.from({ length: 12 }, (_, at) => `other ${at}`);
    for (const other of others) {
      await store.claim(other, "print", "a", LEASE);
      await store.settle(other, "a", "x".repeat(300), TTL);
    }
    await store.claim("key", "print", "a", LEASE);
    await store.settle("key", "a", "x".repeat(length), TTL);
    assert.deepEqual(await states(store, ["key", "running"]), [state, "running"], String(length));
    assert.deepEqual(await states(store, others), Array<string>(12).fill("done"));
  }
});

test("room that a record took is free again once it is gone", async () => {
  const { store, clock } = setUp(80_000);
  for (let round = 0; round < 100; round++) {
    await store.claim("old", "print", "a", LEASE);
    await store.settle("old", "a", "x".repeat(2000), TTL);
    await clock.advance(TTL);
  }
  const keys = ["a", "b", "c"];
  for (const key of keys) {
    await store.claim(key, "print", "a", LEASE);
    await store.settle(key, "a", "x".repeat(1000), TTL);
  }
  assert.deepEqual(await states(store, keys), ["done", "done", "done"]);
});

test("it needs no timers", async () => {
  const { store, clock } = setUp();
  await store.claim("key", "print", "a", LEASE);
  await store.settle("key", "a", "record", TTL);
  assert.equal(clock.waiting, 0);
});

test("a limit that cannot be used is refused by name", () => {
  for (const maxBytes of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => memoryStore({ maxBytes }), { name: "TypeError", message: /^memoryStore: maxBytes / });
  }
});

function setUp(maxBytes?: number) {
  const clock = fakeClock();
  return { clock, store: memoryStore({ clock, ...(maxBytes && { maxBytes }) }) };
}

/** What a stranger's claim of each key finds; it leaves free keys free. */
async function states(store: ReturnType<typeof memoryStore>, keys: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const key of keys) {
    found.push((await store.claim(key, "print", "stranger", LEASE)).state);
    await store.settle(key, "stranger", undefined, TTL);
  }
  return found;
}
