import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** What one call may cost, whatever a provider sends. */
const MOST_MIB = 50;

/**
 * Runs something and looks every few milliseconds how much memory this process has: gateway, caller and provider
 * together. Fails where that is more than 50 MiB above what it was.
 */
export async function inBounds<T>(what: string, run: () => Promise<T>): Promise<T> {
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss());
  };
  const looking = setInterval(look, 2);
  try {
    return await run();
  } finally {
    clearInterval(looking);
    look();
    const rise = (most - before) / 2 ** 20;
    console.log(`${what}: memory rises by ${rise.toFixed(1)} MiB`);
    assert.ok(rise <= MOST_MIB, `memory rises by ${rise.toFixed(1)} MiB`);
  }
}
