import type { Draw } from "@gatewright/core";
import { type IoRedisClient, type NodeRedisClient, type RedisClient, redisStore } from "@gatewright/redis";
import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { startRedis } from "../../redis-server.ts";
import { median } from "../statistics.ts";

/** How a client did. */
interface Rates {
  readonly name: string;
  /** Draws a second through the store. */
  readonly draws: number;
  /** The same script with the same arguments, a second, through the client alone. */
  readonly bare: number;
  /** The median of the ratios within each round. */
  readonly ratio: number;
  /** What a draw takes that is alone, in milliseconds. */
  readonly oneMs: number;
}

const DRAWS: readonly Draw[] = [
  { key: "requests per caller and model", rate: { kind: "window", capacity: 1e12, periodMs: 60_000 }, cost: 1 },
  { key: "requests per caller", rate: { kind: "bucket", capacity: 1e12, periodMs: 60_000 }, cost: 1 },
];

const AT_A_TIME = 32;
const CALLS = 8000;
const ROUNDS = 6;

/** Measures both kinds of clients on a Redis of its own. */
export async function onRedis(): Promise<Rates[]> {
  const server = await startRedis();
  const url = `redis://127.0.0.1:${server.port}`;
  const node = createClient({ url });
  await node.connect();
  const io = new Redis(url);
  try {
    return [await measure("node-redis", node, spyOnNode), await measure("ioredis", io, spyOnIo)];
  } finally {
    node.destroy();
    io.disconnect();
    await server.close();
  }
}

async function measure<Client extends RedisClient>(
  name: string,
  client: Client,
  spyOn: (client: Client) => { client: RedisClient; again: () => Promise<unknown> },
): Promise<Rates> {
  // What the store sends is sent again without it.
  const spied = spyOn(client);
  const learning = redisStore({ client: spied.client, timeoutMs: 5000 });
  await learning.draw("caller", DRAWS, false);
  await learning.draw("caller", DRAWS, false);
  const store = redisStore({ client, timeoutMs: 5000 });
  const draw = (): Promise<unknown> => store.draw("caller", DRAWS, false);

  const rounds: { draws: number; bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ bare: await perSecond(spied.again), draws: await perSecond(draw) });
  }
  const warm = rounds.slice(1);
  const alone: number[] = [];
  for (let call = 0; call < 500; call++) {
    const startedAt = performance.now();
    await draw();
    alone.push(performance.now() - startedAt);
  }
  return {
    name,
    draws: median(warm.map(({ draws }) => draws)),
    bare: median(warm.map(({ bare }) => bare)),
    ratio: median(warm.map(({ draws, bare }) => draws / bare)),
    oneMs: median(alone),
  };
}

async function perSecond(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun++ < CALLS) await run();
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return (CALLS * 1000) / (performance.now() - startedAt);
}

function spyOnNode(client: NodeRedisClient): { client: RedisClient; again: () => Promise<unknown> } {
  let last: Parameters<NodeRedisClient["evalSha"]> | undefined;
  const spy: NodeRedisClient = {
    eval: (...args) => client.eval(...args),
    evalSha: (...args) => {
      last = args;
      return client.evalSha(...args);
    },
  };
  return { client: spy, again: async () => last && client.evalSha(...last) };
}

function spyOnIo(client: IoRedisClient): { client: RedisClient; again: () => Promise<unknown> } {
  let last: Parameters<IoRedisClient["evalsha"]> | undefined;
  const spy: IoRedisClient = {
    eval: (...args) => client.eval(...args),
    evalsha: (...args) => {
      last = args;
      return client.evalsha(...args);
    },
  };
  return { client: spy, again: async () => last && client.evalsha(...last) };
}
