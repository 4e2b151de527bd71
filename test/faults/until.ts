import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something is so, and fails where it does not become so. */
export async function until(holds: () => boolean, what: string, maxMs = 5000): Promise<void> {
  const late = performance.now() + maxMs;
  while (!holds()) {
    assert.ok(performance.now() < late, `not within ${maxMs} ms: ${what}`);
    await sleep(2);
  }
}
