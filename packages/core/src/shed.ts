import { getHeapStatistics } from "node:v8";
import { GatewayError } from "./error.ts";
import { numberIn } from "./options.ts";

/** What counts as trouble. */
export interface ShedOptions {
  /** How late the event loop may be before new calls are refused, in milliseconds; default 500. */
  readonly maxDelayMs?: number;
  /** The share of the heap's limit that may be in use before new calls are refused; default 0.9. */
  readonly maxHeapShare?: number;
}

/** How often it is looked, in milliseconds, and for how long after the last call. */
const EVERY_MS = 50;
const IDLE_MS = 1000;

/**
 * Refuses new calls with `llm.overloaded` while the event loop or the heap of this process is in trouble, until it is not
 * any more: give it to a gateway as `admit`, which asks before it reads a body. Looks every 50 ms while there are calls,
 * and not at all without. Throws a `TypeError` for a bad option.
 * @example gateway(pipeline, { admit: shed() })
 */
export function shed({ maxDelayMs = 500, maxHeapShare = 0.9 }: ShedOptions = {}): () => void {
  numberIn("shed", "maxDelayMs", maxDelayMs, 1, 3_600_000);
  numberIn("shed", "maxHeapShare", maxHeapShare, 0.01, 1);
  const heapLimit = getHeapStatistics().heap_size_limit;
  let timer: NodeJS.Timeout | undefined;
  let lookedAt = 0;
  let calledAt = 0;
  let delayMs = 0;
  let heapShare = 0;

  const look = (): void => {
    const now = performance.now();
    const due = lookedAt + EVERY_MS;
    // It falls by half each time, and soon: what was sent during a block is heard a little after it.
    delayMs = Math.max(now - due, Math.min(delayMs, 4 * maxDelayMs) / 2);
    lookedAt = now;
    heapShare = process.memoryUsage().heapUsed / heapLimit;
    // Judged by when it was due: a loop that was blocked could not hear any calls.
    timer = due - calledAt < IDLE_MS ? setTimeout(look, EVERY_MS).unref() : undefined;
  };

  return () => {
    const now = performance.now();
    calledAt = now;
    if (!timer) {
      lookedAt = now - EVERY_MS;
      look();
    }
    // A loop that is blocked has not looked either.
    const late = Math.max(delayMs, now - lookedAt - EVERY_MS);
    if (late <= maxDelayMs && heapShare <= maxHeapShare) return;
    const what = late > maxDelayMs ? `is ${Math.round(late)} ms behind` : "is short of memory";
    throw new GatewayError("llm.overloaded", `This gateway ${what} and takes no new calls: try again in a moment.`, {
      retryAfterMs: 1000,
    });
  };
}
