import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RedisStore, type RedisStoreOptions, redisStore, type StateChange } from "@gatewright/redis";
import type { Connect, OpenClient } from "./redis-clients.ts";
import { type RedisProxy, startProxy } from "./redis-proxy.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

/** A store on a Redis of its own, with all that can be done to it. */
export interface RedisLab {
  readonly server: RedisServer;
  readonly proxy: RedisProxy;
  readonly open: OpenClient;
  readonly store: RedisStore;
  /** What was told of its state. */
  readonly told: readonly StateChange[];
  /** The states that were told. */
  states(): string[];
  /** Draws until Redis is asked again. */
  untilUp(): Promise<void>;
}

/** How long a store waits here: longer than an answer takes on a machine that is busy. */
const TIMEOUT_MS = 1500;
/** How late an answer is that comes too late. */
export const SLOW_MS = 3000;

/** Starts a lab for one test. `down`: its Redis is not there yet. */
export async function startRedisLab(
  context: TestContext,
  connect: Connect,
  options: Partial<RedisStoreOptions> & { readonly down?: boolean } = {},
): Promise<RedisLab> {
  const { down = false, ...own } = options;
  const server = await startRedis();
  context.after(() => server.close());
  const proxy = await startProxy(server.port);
  context.after(() => proxy.close());
  if (down) await server.kill();
  const open = await connect(proxy.port);
  context.after(() => open.close());
  const told: StateChange[] = [];
  const onStateChange = (change: StateChange): void => void told.push(change);
  const store = redisStore({ client: open.client, timeoutMs: TIMEOUT_MS, onStateChange, ...own });
  return {
    server,
    proxy,
    open,
    store,
    told,
    states: () => told.map(({ state }) => state),
    async untilUp() {
      const rate = { kind: "window", capacity: 1e9, periodMs: 1 } as const;
      const late = performance.now() + 20_000;
      while (!store.status().up) {
        if (performance.now() > late) throw new Error("Redis is still down.");
        await store.draw("until up", [{ key: "until up", rate, cost: 1 }], false);
        await sleep(10);
      }
    },
  };
}
