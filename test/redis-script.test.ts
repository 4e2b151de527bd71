import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Clock, type Draw, memoryStore, type Rate, type Store } from "@gatewright/core";
import { redisStore } from "@gatewright/redis";
import { createClient } from "@redis/client";
import fc from "fast-check";
import { type RedisServer, skipRedis, startRedis } from "./redis-server.ts";

/** Numbers of which sums and quotients are exact, so that two ways to the same number come to the same. */
const quarters = (least: number, most: number): fc.Arbitrary<number> =>
  fc.integer({ min: least * 4, max: most * 4 }).map((value) => value / 4);
const rate: fc.Arbitrary<Rate> = fc.record({
  kind: fc.constantFrom("window", "bucket"),
  capacity: fc.constantFrom(1, 2, 3, 8, 10, 64),
  periodMs: fc.constantFrom(1, 64, 1024, 4096),
});
const step = fc.record({
  afterMs: fc.oneof(fc.constant(0), quarters(0, 5000)),
  draws: fc.uniqueArray(fc.record({ key: fc.nat({ max: 2 }), cost: quarters(-12, 12) }), {
    minLength: 1,
    selector: ({ key }) => key,
  }),
  settle: fc.boolean(),
  /** Whether a settlement names the stretch that was last seen of a key. */
  since: fc.boolean(),
});

let server: RedisServer;
before(async () => {
  if (!skipRedis) server = await startRedis();
});
after(() => server?.close());

test("Redis counts as the memory does, step for step", { skip: skipRedis, timeout: 60_000 }, async () => {
  const client = createClient({ socket: { host: "127.0.0.1", port: server.port } });
  await client.connect();
  let now = 0;
  const clock: Clock = { now: () => now, after: () => () => {} };
  // The script as it is, but for the time: each moment is a script of its own.
  const timed = {
    evalSha: () => Promise.reject(new Error("NOSCRIPT")),
    eval: (script: string, options: { keys: string[]; arguments: string[] }) => {
      assert.ok(script.includes(TIME));
      return client.eval(script.replace(TIME, String(now)), options);
    },
  };
  let runs = 0;
  const compared = fc.asyncProperty(fc.tuple(rate, rate, rate), fc.array(step), async (rates, steps) => {
    now = 2 ** 20;
    const prefix = `run-${runs++}`;
    const stores: readonly Store[] = [memoryStore({ clock }), redisStore({ client: timed, prefix, clock })];
    const seen = new Map<number, string>();
    for (const { afterMs, draws, settle, since } of steps) {
      now += afterMs;
      const all = draws.map(({ key, cost }): Draw => {
        const own = { key: String(key), rate: rates[key] ?? assert.fail(), cost: settle ? cost : Math.abs(cost) };
        return settle && since ? { ...own, since: seen.get(key) } : own;
      });
      const [inMemory, onRedis] = await Promise.all(stores.map((store) => store.draw("group", all, settle)));
      assert.deepEqual(onRedis, inMemory);
      for (const [at, { key }] of draws.entries()) seen.set(key, onRedis?.states[at]?.since ?? assert.fail());
    }
  });
  try {
    await fc.assert(compared, { numRuns: 300 });
  } finally {
    client.destroy();
  }
});

const TIME = "time[1] * 1000 + time[2] / 1000";
