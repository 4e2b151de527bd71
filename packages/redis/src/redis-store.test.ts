import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draw, GatewayError } from "@gatewright/core";
import { type FakeClock, fakeClock } from "@gatewright/core/testing";
import { type RedisStore, type RedisStoreOptions, redisStore } from "./redis-store.ts";

type Options = Partial<RedisStoreOptions>;
type Answer = (keys: readonly string[], values: readonly string[]) => unknown;

interface Played {
  readonly store: RedisStore;
  readonly clock: FakeClock;
  /** The values of each command that was sent. */
  readonly sent: readonly (readonly string[])[];
  readonly told: readonly string[];
}

/** A store on a Redis that answers as a test says, whatever the script is. */
function played(answer: Answer, options: Options = {}): Played {
  const clock = fakeClock();
  const sent: (readonly string[])[] = [];
  const told: string[] = [];
  const client = {
    evalsha: async (_hash: string, count: number, ...rest: string[]) => {
      sent.push(rest.slice(count));
      return answer(rest.slice(0, count), rest.slice(count));
    },
    eval: () => assert.fail("the hash is known"),
  };
  const onStateChange = ({ state }: { state: string }): void => {
    told.push(state);
    throw new Error("a watcher of no use");
  };
  return { store: redisStore({ client, clock, onStateChange, ...options }), clock, sent, told };
}

const minute: Draw = { key: "key", rate: { kind: "window", capacity: 8, periodMs: 60_000 }, cost: 1 };
const down = (): never => {
  throw new Error("gone");
};

test("a bad option is named", () => {
  const bad: readonly [Options, RegExp][] = [
    [{ prefix: "" }, /redisStore: prefix must be 1 to 64 letters/],
    [{ prefix: "a{b}" }, /redisStore: prefix must/],
    [{ timeoutMs: 0 }, /redisStore: timeoutMs must be a number from 1 to 60000/],
    [{ timeoutMs: Number.NaN }, /redisStore: timeoutMs must/],
    // What a caller without types may give.
    [{ whenDown: "pass" as "allow" }, /redisStore: whenDown must be "local", "allow" or "refuse"/],
    [{ gateways: 0.5 }, /redisStore: gateways must be a whole number from 1/],
  ];
  for (const [options, message] of bad) {
    assert.throws(() => played(() => 0, options), { name: "TypeError", message });
  }
});

test("a draw tells Redis all it needs, and understands its answer", async () => {
  const { store, sent } = played((keys) => {
    assert.equal(keys.length, 3);
    return Buffer.from("left 12.5 0 7 100 0 99.5 0 60000 -1 88.25");
  });
  const bucket: Draw = { key: "b", rate: { kind: "bucket", capacity: 2.5, periodMs: 10 }, cost: 3, since: "1.5" };
  assert.deepEqual(await store.draw("group", [minute, bucket], false), {
    taken: false,
    states: [
      { remaining: 7, resetMs: 100, waitMs: 0, since: "99.5" },
      { remaining: 0, resetMs: 60_000, waitMs: Number.POSITIVE_INFINITY, since: "88.25" },
    ],
  });
  await store.draw("group", [minute, minute], true);
  const first = ["", "0", "window", "8", "60000", "1", "", "bucket", "2.5", "10", "3", "1.5"];
  assert.deepEqual(sent[0], first);
  assert.deepEqual(sent[1]?.slice(0, 2), ["12.5", "1"]);
  assert.deepEqual(await store.draw("group", [], false), { taken: true, states: [] });
  assert.equal(sent.length, 2);
});

test("after a loss the share decides until the data is old enough", async () => {
  let answer = "taken one 0 7 60000 0 99";
  const { store, sent, clock, told } = played(() => answer, { gateways: 4 });
  await store.draw("group", [minute], false);
  answer = "lost two 20000";
  const { states } = await store.draw("group", [minute], false);
  assert.deepEqual([states[0]?.remaining, states[0]?.since.startsWith("local:")], [1, true]);
  assert.deepEqual(told, ["lost"]);
  await clock.advance(39_999);
  assert.equal((await store.draw("group", [minute], false)).states[0]?.remaining, 0);
  assert.equal(sent.length, 2);
  assert.equal(store.status().withoutRedis, 2);
  answer = "taken two 0 7 60000 0 99";
  await clock.advance(1);
  assert.equal((await store.draw("group", [minute], false)).states[0]?.remaining, 7);
  assert.equal(sent[2]?.[0], "two");
  const local = [{ ...minute, cost: -1, since: states[0]?.since }];
  assert.equal((await store.draw("group", local, true)).states[0]?.since.startsWith("local:"), true);
  assert.equal(sent.length, 3, "what was drawn here is settled here");
  answer = "lost three 0";
  assert.deepEqual(await store.draw("group", [minute], true), { taken: true, states: [] });
});

test("what was taken for a call that was decided without it is given back", async () => {
  const late = (first: unknown): Played & { answerLate(): void } => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    let asked = 0;
    return { ...played(() => (asked++ === 0 ? promise : 1)), answerLate: () => resolve(first) };
  };
  for (const [answer, givesBack] of [
    ["new", true],
    ["renewed", false],
    ["full", false],
  ] as const) {
    const { store, clock, sent, answerLate } = late(answer);
    const leased = store.lease("key", "owner", 2, 1000.5);
    await clock.advance(50);
    assert.equal(await leased, true, "by the share");
    answerLate();
    await clock.advance(0);
    assert.deepEqual(sent, [["owner", "2", "1001"], ...(givesBack ? [["owner"]] : [])]);
  }
  for (const [answer, givesBack] of [
    [["claimed", "new"], true],
    [["claimed", "renewed"], false],
    [["running", "new"], false],
  ] as const) {
    const { store, clock, sent, answerLate } = late(answer);
    const claimed = store.claim("key", "print", "owner", 1000);
    await clock.advance(500);
    assert.equal((await claimed).state, "claimed", "by this gateway alone");
    answerLate();
    await clock.advance(0);
    assert.deepEqual(sent, [["print", "owner", "1000"], ...(givesBack ? [["owner", "1"]] : [])]);
  }
});

test("what was held or claimed without Redis is freed without it", async () => {
  const { store, sent } = played(down, { gateways: 2 });
  assert.equal(await store.lease("key", "a", 2, 60_000), true);
  assert.equal(await store.lease("key", "b", 2, 60_000), false);
  await store.release("key", "a");
  assert.equal(await store.lease("key", "b", 2, 60_000), true);
  await store.claim("key", "print", "a", 60_000);
  await store.settle("key", "a", "record", 60_000);
  assert.equal((await store.claim("key", "print", "b", 60_000)).state, "done");
  assert.equal(sent.length, 1);
  assert.deepEqual(store.status(), { up: false, withoutRedis: 5, failed: 1, timedOut: 0 });
});

test("without Redis all pass, or none, where that was chosen", async () => {
  const all = played(down, { whenDown: "allow" }).store;
  assert.deepEqual(await all.draw("group", [minute], false), { taken: true, states: [] });
  assert.equal(await all.lease("key", "a", 1, 1000), true);
  assert.deepEqual(await all.claim("key", "print", "a", 1000), { state: "claimed", fingerprint: "print" });

  const { store: none, told } = played(down, { whenDown: "refuse" });
  const steps = [
    () => none.draw("group", [minute], false),
    () => none.lease("key", "a", 1, 1000),
    () => none.claim("key", "print", "a", 1000),
  ];
  for (const step of steps) {
    await assert.rejects(step, (thrown) => thrown instanceof GatewayError && thrown.code === "llm.overloaded");
  }
  await none.draw("group", [minute], true);
  await none.release("key", "a");
  await none.settle("key", "a", undefined, 1000);
  assert.deepEqual(told, ["down"]);
});
