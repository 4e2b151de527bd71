import { skipRedis } from "../../redis-server.ts";
import { table } from "../table.ts";
import { inMemory } from "./in-memory.ts";
import { onRedis } from "./on-redis.ts";

/** What limits may add to a call in memory, in microseconds, where nothing is settled. */
const MOST_MICROSECONDS = 3;
/** What of the rate of the bare script must be left on Redis. */
const LEAST_OF_BARE = 0.8;

/** Measures what limits cost, prints it, and sets the exit code to 1 where that is too much. */
export async function limits(): Promise<void> {
  const costs = await inMemory();
  const added = costs.map(({ name, microseconds }) => [name, microseconds.toFixed(2)]);
  console.log(`In memory, what limits add to a call in process:\n\n${table(["limits", "µs"], added)}\n`);
  let missed = costs.some(({ settles, microseconds }) => !settles && microseconds > MOST_MICROSECONDS);

  if (skipRedis) console.log(`On Redis nothing was measured: ${skipRedis}.`);
  else {
    const rates = await onRedis();
    const rows = rates.map(({ name, draws, bare, ratio, oneMs }) => [
      name,
      Math.round(draws).toLocaleString("en-US"),
      Math.round(bare).toLocaleString("en-US"),
      ratio.toFixed(2),
      oneMs.toFixed(2),
    ]);
    const head = ["client", "draws/s", "bare EVALSHA/s", "of bare", "one alone, ms"];
    console.log(
      `On Redis, draws of two limits, 32 at a time, beside the same script without a store:\n\n${table(head, rows)}\n`,
    );
    missed ||= rates.some(({ ratio }) => ratio < LEAST_OF_BARE);
  }
  const aims = `at most ${MOST_MICROSECONDS} µs in memory where nothing is settled, at least ${LEAST_OF_BARE} of the bare script`;
  console.log(`${missed ? "MISSED" : "ok"}: ${aims}.`);
  if (missed) process.exitCode = 1;
}
