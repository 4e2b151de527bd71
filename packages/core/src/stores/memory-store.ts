import { type Clock, systemClock } from "../clock.ts";
import { wholeIn } from "../options.ts";
import { memoryLeases } from "./memory-leases.ts";
import { memoryLimits } from "./memory-limits.ts";
import { memoryRecords } from "./memory-records.ts";
import type { Store } from "./store.ts";

/** How much is kept. */
export interface MemoryStoreOptions {
  /**
   * How much the records of idempotent calls may take, in bytes; default 64 MiB. Past it the oldest go first; a record
   * of more than a sixteenth of it is not kept.
   */
  readonly maxBytes?: number;
  /**
   * How many counts of limits are kept at once, each of some 160 bytes; default 200,000. Past it the ones that were not
   * used for longest go first: whoever they counted begins anew.
   */
  readonly maxCounts?: number;
  readonly clock?: Clock;
}

/** A store within this process: for one gateway, and for tests. Throws a `TypeError` for a bad option. */
export function memoryStore({
  maxBytes = 64 * 1024 * 1024,
  maxCounts = 200_000,
  clock = systemClock,
}: MemoryStoreOptions = {}): Store {
  wholeIn("memoryStore", "maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER);
  wholeIn("memoryStore", "maxCounts", maxCounts, 1, 10_000_000);
  return { ...memoryLimits(maxCounts, clock), ...memoryLeases(clock), ...memoryRecords(maxBytes, clock) };
}
