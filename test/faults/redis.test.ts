import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Draw, GatewayError, type Rate, type Store } from "@gatewright/core";
import type { RedisStore, RedisStoreOptions } from "@gatewright/redis";
import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { type Connect, clients } from "../redis-clients.ts";
import { type RedisLab, SLOW_MS, startRedisLab } from "../redis-lab.ts";
import { skipRedis } from "../redis-server.ts";
import { until } from "./until.ts";

const rate: Rate = { kind: "window", capacity: 40, periodMs: 60_000 };
const take = (key = "key"): Draw => ({ key, rate, cost: 1 });

/** How many of some draws at once pass. */
async function pass(store: Store, times = 100): Promise<number> {
  const drawn = await Promise.all(Array.from({ length: times }, () => store.draw("group", [take()], false)));
  return drawn.filter(({ taken }) => taken).length;
}

/** Decides a hundred times by the gateway's share, which is nothing to wait for. */
async function assertDecidesAlone({ store, proxy }: RedisLab, expected: number): Promise<void> {
  const [{ withoutRedis }, sent, start] = [store.status(), proxy.scripts, performance.now()];
  assert.equal(await pass(store), expected);
  assert.equal(store.status().withoutRedis, withoutRedis + 100);
  // One of them may have begun a probe.
  assert.ok(proxy.scripts <= sent + 2, `${proxy.scripts - sent} commands were sent`);
  assert.ok(performance.now() - start < 1000);
}

for (const [name, connect] of Object.entries(clients)) {
  // Most of each is waiting.
  describe(`with ${name}`, { concurrency: 8 }, () => faults(connect));
}

function faults(connect: Connect): void {
  const fault = (
    row: string,
    run: (lab: RedisLab) => Promise<void>,
    options?: Partial<RedisStoreOptions> & { down?: boolean },
  ): void => {
    test(row, { skip: skipRedis, timeout: 60_000 }, async (context) => {
      await run(await startRedisLab(context, connect, { gateways: 4, ...options }));
    });
  };

  fault(
    "71: Redis is down at the start, and comes later",
    async (lab) => {
      assert.equal(await pass(lab.store), 10, "a quarter, as there are four gateways");
      await assertDecidesAlone(lab, 0);
      assert.equal(lab.proxy.scripts, 0);
      assert.deepEqual(lab.states(), ["down"]);
      await lab.server.restart();
      await lab.untilUp();
      assert.equal(await pass(lab.store), 40);
      assert.deepEqual(lab.states(), ["down", "up"]);
    },
    { down: true },
  );

  fault("71: Redis is killed in the middle, and comes back without its data", async (lab) => {
    assert.equal(await pass(lab.store, 15), 15);
    const { states } = await lab.store.draw("group", [take()], false);
    await lab.server.kill();
    assert.equal(await pass(lab.store), 10);
    await assertDecidesAlone(lab, 0);
    await lab.store.draw("group", [{ ...take(), cost: -1, since: states[0]?.since }], true);
    await lab.server.restart();
    await lab.untilUp();
    assert.equal(await pass(lab.store), 0, "what passed before is not known, so the share still decides");
    assert.deepEqual(lab.states(), ["down", "up", "lost"]);
    assert.equal(lab.store.status().timedOut + lab.store.status().failed > 0, true);
  });

  fault("72: Redis hangs, with its connections open", async (lab) => {
    assert.equal(await pass(lab.store, 5), 5);
    lab.server.pause();
    assert.equal((await lab.store.draw("group", [take()], false)).taken, true);
    assert.deepEqual(lab.states(), ["down"]);
    const sent = lab.proxy.scripts;
    for (let round = 0; round < 25; round++) {
      await assertDecidesAlone(lab, round === 0 ? 9 : 0);
      await sleep(50);
    }
    assert.ok(lab.proxy.scripts <= sent + 1, "a probe that is not answered is not followed by another");
    assert.deepEqual(lab.store.status(), { up: false, withoutRedis: 2501, failed: 0, timedOut: 1 });
    lab.server.resume();
    await lab.untilUp();
    assert.equal(await pass(lab.store), 40 - 5 - 1, "what was sent before counts, and is done once");
    assert.deepEqual(lab.states(), ["down", "up"]);
  });

  fault("72: Redis is slow", async (lab) => {
    assert.equal(await pass(lab.store, 5), 5);
    lab.proxy.delayMs = SLOW_MS;
    assert.equal((await lab.store.draw("group", [take()], false)).taken, true);
    for (let round = 0; round < 25; round++) {
      await assertDecidesAlone(lab, round === 0 ? 9 : 0);
      await sleep(50);
    }
    await sleep(SLOW_MS);
    assert.deepEqual(lab.states(), ["down"], "a probe that is answered late changes nothing");
    assert.deepEqual(lab.store.status(), { up: false, withoutRedis: 2501, failed: 0, timedOut: 1 });
    lab.proxy.delayMs = 0;
    await lab.untilUp();
    assert.deepEqual(lab.states(), ["down", "up"]);
  });

  const refusals: Readonly<Record<string, (lab: RedisLab, on: boolean) => Promise<unknown>>> = {
    READONLY: ({ server }, on) => server.cli("REPLICAOF", ...(on ? ["127.0.0.1", "1"] : ["NO", "ONE"])),
    OOM: ({ server }, on) => server.cli("CONFIG", "SET", "maxmemory", on ? "1" : "0"),
  };
  for (const error of [
    "LOADING Redis is loading the dataset in memory",
    "MOVED 3999 127.0.0.1:1",
    "CLUSTERDOWN The cluster is down",
    "NOAUTH Authentication required.",
    "NOSCRIPT No matching script. Please use EVAL.",
  ]) {
    Object.assign(refusals, {
      [error]: async ({ proxy }: RedisLab, on: boolean) => {
        proxy.error = on ? error : undefined;
      },
    });
  }
  for (const [error, refuse] of Object.entries(refusals)) {
    fault(`73: Redis answers ${error.split(" ")[0]}`, async (lab) => {
      assert.equal(await pass(lab.store, 5), 5);
      await refuse(lab, true);
      assert.equal((await lab.store.draw("group", [take()], false)).taken, true);
      await assertDecidesAlone(lab, 9);
      // A probe changes nothing.
      await sleep(600);
      await assertDecidesAlone(lab, 0);
      assert.deepEqual(lab.states(), ["down"]);
      assert.ok(lab.told[0]?.reason?.startsWith(error.slice(0, 8)), JSON.stringify(lab.told));
      assert.deepEqual(lab.store.status(), { up: false, withoutRedis: 201, failed: 1, timedOut: 0 });
      await refuse(lab, false);
      await lab.untilUp();
      assert.equal(await pass(lab.store), 35);
      assert.deepEqual(lab.states(), ["down", "up"]);
    });
  }

  fault("74: answers that come late are nobody else's, and what they took is given back", async (lab) => {
    const { store, server } = lab;
    lab.proxy.delayMs = SLOW_MS;
    const late = Array.from({ length: 20 }, (_, at) => at);
    await Promise.all([
      ...late.map((at) => store.lease("slots", `late ${at}`, 20, 60_000)),
      ...late.map((at) => store.draw(`late ${at}`, [take(`late ${at}`)], false)),
    ]);
    lab.proxy.delayMs = 0;
    await lab.untilUp();
    // Each has another capacity, so that an answer to another draw would show.
    const rates = late.map((at) => ({ kind: "window", capacity: 1000 + at, periodMs: 60_000 }) as const);
    const drawn = await Promise.all(
      rates.map((rate, at) => store.draw(`new ${at}`, [{ key: `new ${at}`, rate, cost: 1 }], false)),
    );
    assert.deepEqual(
      drawn.map(({ states }) => states[0]?.remaining),
      late.map((at) => 999 + at),
    );
    let left = "?";
    const look = async (): Promise<void> => {
      left = await server.cli("EVAL", "return #redis.call('KEYS', '*:lease:*')", "0");
    };
    const looking = setInterval(look, 50);
    await until(() => left === "0", "what was taken late is given back").finally(() => clearInterval(looking));
  });

  fault(
    "71: with whenDown allow, all pass uncounted",
    async ({ store }) => {
      assert.deepEqual(await store.draw("group", [take()], false), { taken: true, states: [] });
      assert.equal(await pass(store), 100);
      assert.equal(await store.lease("key", "owner", 1, 1000), true);
      assert.deepEqual(await store.claim("key", "print", "owner", 1000), { state: "claimed", fingerprint: "print" });
      await Promise.all([store.release("key", "owner"), store.settle("key", "owner", "record", 1000)]);
    },
    { down: true, whenDown: "allow" },
  );

  fault(
    "71: with whenDown refuse, none pass, and each is told so",
    async ({ store }) => {
      const isRefusal = (thrown: unknown): boolean =>
        thrown instanceof GatewayError && thrown.code === "llm.overloaded" && thrown.retryAfterMs === 1000;
      for (let times = 0; times < 3; times++) {
        await assert.rejects(store.draw("group", [take()], false), isRefusal);
        await assert.rejects(store.lease("key", "owner", 1, 1000), isRefusal);
        await assert.rejects(store.claim("key", "print", "owner", 1000), isRefusal);
      }
      await store.draw("group", [take()], true);
      await Promise.all([store.release("key", "owner"), store.settle("key", "owner", "record", 1000)]);
    },
    { down: true, whenDown: "refuse" },
  );
}

/** Clients as they are without any option: they keep what they cannot send. */
const queueing: Readonly<Record<string, Connect>> = {
  "node-redis": async (port) => {
    const client = createClient({ socket: { host: "127.0.0.1", port } });
    client.on("error", () => {});
    await client.connect();
    return { client, close: async () => client.destroy() };
  },
  ioredis: async (port) => {
    const client = new Redis({ host: "127.0.0.1", port });
    client.on("error", () => {});
    await new Promise((resolve) => client.once("ready", resolve));
    return { client, close: async () => client.disconnect() };
  },
};

describe("with clients that queue what they cannot send", { concurrency: 2 }, () => {
  for (const [name, connect] of Object.entries(queueing)) {
    test(`71: ${name} gets a command and a probe`, { skip: skipRedis, timeout: 60_000 }, (context) =>
      queues(context, connect),
    );
  }
});

async function queues(context: TestContext, connect: Connect): Promise<void> {
  const lab = await startRedisLab(context, connect);
  assert.equal((await lab.store.draw("group", [take()], false)).taken, true);
  await lab.server.kill();
  const before = lab.proxy.scripts;
  const use = async (store: RedisStore, round: number): Promise<void> => {
    await Promise.all([pass(store), store.lease("key", `${round}`, 100, 1000), store.release("key", `${round}`)]);
    await store.claim(`${round}`, "print", "owner", 1000);
    await store.settle(`${round}`, "owner", "record", 1000);
  };
  await lab.store.draw("group", [take()], false);
  for (let round = 0; round < 50; round++, await sleep(50)) await use(lab.store, round);
  await lab.server.restart();
  await lab.untilUp();
  assert.deepEqual(lab.states(), ["down", "up"]);
  // What was queued, a script that is sent again as its text, and the last probe; and for the epoch of each shard both, once it is up.
  assert.ok(lab.proxy.scripts - before <= 8 + 2 * 64, `${lab.proxy.scripts - before} commands`);
}
