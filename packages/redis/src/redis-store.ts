import { type Clock, type Store, systemClock, tell } from "@gatewright/core";
import { Availability, type StateChange } from "./availability.ts";
import type { Backend } from "./backend.ts";
import { type Command, type RedisClient, runOn } from "./client.ts";
import { Epochs } from "./epochs.ts";
import { keysOf, type Shard } from "./keys.ts";
import { localStore } from "./local-store.ts";
import { redisLeases } from "./redis-leases.ts";
import { learnEpochs, redisLimits } from "./redis-limits.ts";
import { redisRecords } from "./redis-records.ts";
import { probeScript } from "./scripts.ts";
import { allowAll, refuseAll, type WhenDown } from "./without-redis.ts";

/** Which Redis, and what happens without it. */
export interface RedisStoreOptions {
  /** A connected client of node-redis or ioredis. It stays yours: to configure, to watch and to close. */
  readonly client: RedisClient;
  /** What all keys begin with; default `gatewright`. Gateways with the same one share their counts. */
  readonly prefix?: string;
  /** How long an answer of Redis is waited for, in milliseconds; default 50. */
  readonly timeoutMs?: number;
  /**
   * How calls are decided while Redis does not answer, and, but for `allow`, while data that it has lost may still be missing.
   * `local` (default): each gateway counts its share in its own memory. `allow`: all pass, uncounted. `refuse`: none pass, with
   * `llm.overloaded`.
   */
  readonly whenDown?: WhenDown;
  /** How many gateways share this Redis; default 1. The share of each is a limit divided by it, but at least 1. */
  readonly gateways?: number;
  /**
   * Told when Redis is down, up again, or has lost its data: once each time, for a line in the log. Default a warning of the
   * process.
   */
  readonly onStateChange?: (change: StateChange) => void;
  readonly clock?: Clock;
}

/** How it goes with Redis. The numbers count from the start. */
export interface RedisStatus {
  readonly up: boolean;
  /** How many draws, leases and claims were decided without Redis. */
  readonly withoutRedis: number;
  /** How many commands failed. */
  readonly failed: number;
  /** How many commands were not answered in time. */
  readonly timedOut: number;
}

/** A store on Redis. There is nothing to close but the client. */
export interface RedisStore extends Store {
  /**
   * Asks Redis, and answers whether it works. Await it before a gateway listens: a store that has asked notices when Redis
   * loses its data, also what it never used. Never rejects.
   */
  ready(): Promise<boolean>;
  status(): RedisStatus;
}

/**
 * A store that many gateways share: each step is one script, and one round trip. It never fails for what goes wrong with
 * Redis, but with `whenDown: "refuse"`. Throws a `TypeError` for a bad option.
 */
export function redisStore({
  client,
  prefix = "gatewright",
  timeoutMs = 50,
  whenDown = "local",
  gateways = 1,
  onStateChange = ({ state, reason = "it works again" }) => process.emitWarning(`Redis is ${state}: ${reason}`),
  clock = systemClock,
}: RedisStoreOptions): RedisStore {
  check(/^[\w.:-]{1,64}$/.test(prefix), "prefix must be 1 to 64 letters, digits and signs of _ . : -");
  check(timeoutMs >= 1 && timeoutMs <= 60_000, "timeoutMs must be a number from 1 to 60000");
  check(["local", "allow", "refuse"].includes(whenDown), 'whenDown must be "local", "allow" or "refuse"');
  check(
    Number.isInteger(gateways) && gateways >= 1 && gateways <= 100_000,
    "gateways must be a whole number from 1 to 100000",
  );
  check(typeof onStateChange === "function", "onStateChange must be a function");

  const run = runOn(client);
  const keys = keysOf(prefix);
  const probe = (shard: Shard): Command => ({ script: probeScript, keys: [keys.own(shard, "probe")], values: [] });
  const redis = new Availability(
    run,
    probe,
    timeoutMs,
    (change) => {
      if (change.state === "down") epochs.trouble();
      // What it had not told before, it may tell now.
      else void learnEpochs(backend, epochs);
      tell(onStateChange, change);
    },
    clock,
  );
  const epochs: Epochs = new Epochs(
    () => tell(onStateChange, { state: "lost", reason: "Redis lost what it had counted" }),
    clock,
    whenDown !== "allow",
  );
  // Records are as large as answers. That one takes its time says nothing of counts, which are small.
  const records = new Availability(
    run,
    probe,
    timeoutMs * RECORD_PATIENCE,
    (change) => redis.up && tell(onStateChange, change),
    clock,
  );
  const local = localStore(gateways, clock);
  const stores: Readonly<Record<WhenDown, Store>> = { local, allow: allowAll, refuse: refuseAll };
  let decided = 0;
  const backend: Backend = {
    redis,
    keys,
    local,
    instead: () => {
      decided++;
      return stores[whenDown];
    },
    giveBack: (command) => void run(command).catch(() => {}),
  };
  return {
    ...redisLimits(backend, epochs),
    ...redisLeases(backend),
    ...redisRecords({
      ...backend,
      redis: { ask: (...asked) => (redis.up ? records : redis).ask(...asked) },
    }),
    async ready() {
      await learnEpochs(backend, epochs);
      await redis.ask(0, probe(0));
      return redis.up;
    },
    status: () => ({
      up: redis.up,
      withoutRedis: decided,
      failed: redis.failed + records.failed,
      timedOut: redis.timedOut + records.timedOut,
    }),
  };
}

/** How much longer a record may take than a count. */
const RECORD_PATIENCE = 10;

function check(holds: boolean, problem: string): void {
  if (!holds) throw new TypeError(`redisStore: ${problem}.`);
}
