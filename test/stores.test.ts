import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Draw, memoryStore, type Rate, type Store, systemClock } from "@gatewright/core";
import { fakeClock, type RegisterTest, type StoreUnderTest, testStore } from "@gatewright/core/testing";
import { type RedisStoreOptions, redisStore } from "@gatewright/redis";
import { clients, clusterClients, type OpenClient } from "./redis-clients.ts";
import { startProxy } from "./redis-proxy.ts";
import { type RedisCluster, type RedisServer, skipRedis, startCluster, startRedis } from "./redis-server.ts";

let server: RedisServer;
let cluster: RedisCluster;
before(async () => {
  if (skipRedis) return;
  [server, cluster] = await Promise.all([startRedis(), startCluster()]);
});
after(() => Promise.all([server?.close(), cluster?.close()]));

/** A store of its own on an open client. Its timeout is long: this machine may be busy. */
function storeOn({ client }: OpenClient, options: Partial<RedisStoreOptions> = {}): ReturnType<typeof redisStore> {
  return redisStore({ client, prefix: randomUUID(), timeoutMs: 5000, ...options });
}

const perMinute: Rate = { kind: "window", capacity: 50, periodMs: 60_000 };
const large: Rate = { ...perMinute, capacity: 10_000 };
const bucket: Rate = { kind: "bucket", capacity: 10, periodMs: 60_000 };
const take = (key: string, rate: Rate = perMinute, cost = 1): Draw => ({ key, rate, cost });

async function howMany(store: Store, times: number): Promise<number> {
  const drawn = await Promise.all(Array.from({ length: times }, () => store.draw("group", [take("key")], false)));
  return drawn.filter(({ taken }) => taken).length;
}

/** Does one of everything, and gives back what came of it. */
async function useAll(store: Store, text: string): Promise<unknown[]> {
  const { taken, states } = await store.draw(text, [take(`${text}1`), take(`${text}2`, bucket, 4)], false);
  const leased = await store.lease(text, randomUUID(), 10, 60_000);
  const { state } = await store.claim(text, "fingerprint", "one", 60_000);
  await store.settle(text, "one", text, 60_000);
  const again = await store.claim(text, "fingerprint", "other", 60_000);
  return [taken, states.map(({ remaining }) => remaining), leased, state, again];
}

testStore(test, async () => {
  const clock = fakeClock();
  return { store: memoryStore({ clock }), wait: (ms) => clock.advance(ms), close: async () => {} };
});

/** Registers the tests of the contract on a client, which they share. */
function testOn(name: string, connect: () => Promise<OpenClient>): void {
  let open: Promise<OpenClient> | undefined;
  const register: RegisterTest = (what, run) => test(`${name}: ${what}`, { skip: skipRedis, timeout: 60_000 }, run);
  testStore(register, async (): Promise<StoreUnderTest> => {
    open ??= connect();
    return { store: storeOn(await open), wait: (ms) => sleep(ms), close: async () => {} };
  });
  after(async () => (await open)?.close());
}

for (const [name, connect] of Object.entries(clients)) {
  testOn(`redis with ${name}`, () => connect(server.port));

  const redisTest = (what: string, run: (open: OpenClient, context: TestContext) => Promise<void>): void => {
    test(`redis with ${name}: ${what}`, { skip: skipRedis, timeout: 60_000 }, async (context) => {
      const open = await connect(server.port);
      context.after(() => open.close());
      await run(open, context);
    });
  };

  redisTest("two gateways share their counts, at the same time too", async (open, context) => {
    const other = await connect(server.port);
    context.after(() => other.close());
    const options = { prefix: randomUUID() };
    const both = [storeOn(open, options), storeOn(other, options)];
    const taken = await Promise.all(both.map((store) => howMany(store, 100)));
    assert.equal(
      taken.reduce((sum, one) => sum + one),
      50,
    );
    assert.deepEqual(await both[0]?.lease("key", "one", 1, 60_000), true);
    assert.deepEqual(await both[1]?.lease("key", "two", 1, 60_000), false);
  });

  redisTest("scripts that Redis has forgotten are sent again", async (open) => {
    const store = storeOn(open);
    const steps: ((store: Store) => Promise<unknown>)[] = [
      (store) => store.draw("group", [take("key")], false),
      (store) => store.lease("key", "owner", 1, 60_000),
      (store) => store.release("key", "owner"),
      (store) => store.claim("key", "fingerprint", "owner", 60_000),
      (store) => store.settle("key", "owner", "record", 60_000),
    ];
    for (const step of [...steps, ...steps]) {
      await server.cli("SCRIPT", "FLUSH");
      await step(store);
    }
    const { states } = await store.draw("group", [take("key")], false);
    assert.equal(states[0]?.remaining, 47);
    assert.deepEqual(store.status(), { up: true, withoutRedis: 0, failed: 0, timedOut: 0 });
  });

  redisTest("a draw is one round trip, however many limits it has", async (_, context) => {
    const proxy = await startProxy(server.port);
    context.after(() => proxy.close());
    const open = await connect(proxy.port);
    context.after(() => open.close());
    const store = storeOn(open);
    await useAll(store, "first");
    const before = proxy.scripts;
    for (const count of [1, 2, 20]) {
      await store.draw(
        "group",
        Array.from({ length: count }, (_, at) => take(`${at}`)),
        false,
      );
    }
    assert.equal(proxy.scripts - before, 3);
    assert.equal((await useAll(store, "second")).length, 5);
    assert.equal(proxy.scripts - before, 3 + 5);
  });

  redisTest("nothing that a caller sends is in a key, or makes one longer", async (open) => {
    const prefix = randomUUID();
    const store = storeOn(open, { prefix });
    const texts = ["a", "{", "}", "a:b", "{a}:*", "a\nb\r\n", "\0", "é😀\ud800", "x".repeat(2 ** 20)];
    for (const text of texts) {
      const again = { state: "done", fingerprint: "fingerprint", record: text.toWellFormed() };
      assert.deepEqual(await useAll(store, text), [true, [49, 6], true, "claimed", again]);
    }
    const keys = (await server.cli("KEYS", `${prefix}*`)).split("\n");
    const counted = keys.filter((key) => !key.endsWith(":epoch"));
    assert.equal(counted.length, texts.length * 4);
    for (const key of counted) {
      assert.match(key.slice(prefix.length), /^\{\d\d\}:(window|bucket|lease|call):[\w-]{22}$/);
    }
  });

  redisTest("what is kept ends by itself; the markers alone stay", async (open) => {
    const prefix = randomUUID();
    const store = storeOn(open, { prefix });
    await useAll(store, "text");
    await store.draw("text", [take("debt", perMinute, 120)], true);
    const keys = (await server.cli("KEYS", `${prefix}*`)).split("\n");
    const left: Record<string, number> = {};
    for (const key of keys.sort()) left[key.split(":")[1] ?? ""] ??= Number(await server.cli("PTTL", key));
    const { epoch, call = 0, lease = 0, bucket = 0 } = left;
    assert.equal(epoch, -1);
    assert.ok(call > 30_000 && call <= 60_000 && lease > 30_000 && lease <= 60_000, JSON.stringify(left));
    assert.ok(bucket > 10_000 && bucket <= 25_000, `4 of 10 in a minute, and a second: ${bucket}`);
    const windows = keys.filter((key) => key.includes(":window:"));
    const lasts = await Promise.all(windows.map(async (key) => Number(await server.cli("PTTL", key))));
    lasts.sort((a, b) => a - b);
    assert.ok((lasts[0] ?? 0) > 30_000 && (lasts[0] ?? 0) <= 61_000, `one window: ${lasts}`);
    assert.ok((lasts[1] ?? 0) > 150_000 && (lasts[1] ?? 0) <= 181_000, `a debt of three: ${lasts}`);
  });

  redisTest("lost data is noticed, and at most twice the limit passes", async (_, context) => {
    const own = await startRedis();
    context.after(() => own.close());
    const opens = await Promise.all([connect(own.port), connect(own.port)]);
    for (const open of opens) context.after(() => open.close());
    let ahead = 0;
    const clock = { now: () => systemClock.now() + ahead, after: systemClock.after };
    const told: string[] = [];
    const onStateChange = ({ state }: { state: string }): void => void told.push(state);
    const stores = opens.map((open) => storeOn(open, { prefix: "a", gateways: 2, clock, onStateChange }));
    const pass = async (): Promise<number> => {
      const passed = await Promise.all(stores.map((store) => howMany(store, 100)));
      return passed.reduce((sum, one) => sum + one);
    };
    assert.equal(await pass(), 50);
    assert.equal(await pass(), 0);
    await own.cli("FLUSHALL");
    assert.equal(await pass(), 50, "the shares of both");
    assert.equal(await pass(), 0);
    assert.deepEqual(told, ["lost", "lost"], "each gateway tells it once");
    ahead += 60_000;
    assert.equal(await pass(), 50, "Redis counts again");
    assert.equal(Number((await own.cli("KEYS", "a*window*")).length > 0), 1);
    assert.deepEqual(told, ["lost", "lost"]);
  });
}

for (const [name, connect] of Object.entries(clusterClients)) {
  testOn(`a cluster with ${name}`, async () => connect((await mastersOf(cluster))[0]?.port ?? 0));

  const options = { skip: skipRedis, timeout: 60_000 };

  test(`a cluster with ${name}: all kinds of step work, on all nodes`, options, async (context) => {
    const masters = await mastersOf(cluster);
    const open = await connect(masters[0]?.port ?? 0);
    context.after(() => open.close());
    const prefix = randomUUID();
    const store = storeOn(open, { prefix });
    for (let at = 0; at < 50; at++) {
      const again = { state: "done", fingerprint: "fingerprint", record: `${at}` };
      assert.deepEqual(await useAll(store, `${at}`), [true, [49, 6], true, "claimed", again]);
    }
    assert.deepEqual(store.status(), { up: true, withoutRedis: 0, failed: 0, timedOut: 0 });
    for (const master of masters) assert.notEqual(await master.cli("KEYS", `${prefix}*`), "");
  });

  test(`a cluster with ${name}: a node dies, and its replica takes over`, options, async (context) => {
    const masters = await mastersOf(cluster);
    const open = await connect(masters[1]?.port ?? 0);
    context.after(() => open.close());
    const told: string[] = [];
    const store = storeOn(open, { timeoutMs: 500, onStateChange: ({ state }) => told.push(state) });
    const round = async (): Promise<number[]> => {
      const drawn = Array.from({ length: 64 }, (_, at) => store.draw(`${at}`, [take(`${at}`, large)], false));
      return (await Promise.all(drawn)).map(({ taken, states }) => (taken ? (states[0]?.remaining ?? 0) : -1));
    };
    assert.deepEqual(await round(), Array(64).fill(9999));
    assert.deepEqual(await round(), Array(64).fill(9998));
    await masters[0]?.cli("WAIT", "1", "1000");
    await masters[0]?.kill();
    let last: readonly number[] = [];
    // A few of the rounds are counted by Redis in part, until the first command meets the dead node.
    for (let byRedis = false; !byRedis; await sleep(100)) {
      const { withoutRedis } = store.status();
      last = await round();
      assert.ok(!last.includes(-1), "refused");
      byRedis = told.includes("down") && store.status().withoutRedis === withoutRedis;
    }
    assert.ok(
      last.every((remaining) => remaining < 9998),
      `what was counted is kept: ${last}`,
    );
    assert.deepEqual(told, ["down", "up"]);
  });
}

/** The nodes that hold data, and live. */
async function mastersOf({ nodes }: RedisCluster): Promise<RedisServer[]> {
  const roles = await Promise.all(nodes.map((node) => node.cli("ROLE").catch(() => "")));
  return nodes.filter((_, at) => roles[at]?.startsWith("master"));
}
