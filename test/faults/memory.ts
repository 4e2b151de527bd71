import assert from "node:assert/strict";
import { memoryRise } from "../memory-rise.ts";

/** What one call may cost, whatever a provider sends. */
const MOST_MIB = 50;

/**
 * Runs something and looks every few milliseconds how much memory this process has: gateway, caller and provider
 * together. Fails where that is more than 50 MiB above what it was.
 */
export async function inBounds<T>(what: string, run: () => Promise<T>): Promise<T> {
  const { value, bytes } = await memoryRise(run);
  const rise = bytes / 2 ** 20;
  console.log(`${what}: memory rises by ${rise.toFixed(1)} MiB`);
  assert.ok(rise <= MOST_MIB, `memory rises by ${rise.toFixed(1)} MiB`);
  return value;
}
