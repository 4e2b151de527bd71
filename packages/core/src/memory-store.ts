import { type Clock, systemClock } from "./clock.ts";
import { wholeIn } from "./options.ts";
import type { Claim, IdempotencyStore } from "./store.ts";

/** How much is kept. */
export interface MemoryStoreOptions {
  /**
   * How much the records of idempotent calls may take, in bytes; default 64 MiB. Past it the oldest go first; a record
   * of more than a sixteenth of it is not kept.
   */
  readonly maxBytes?: number;
  readonly clock?: Clock;
}

/** A store within this process: for one gateway, and for tests. Throws a `TypeError` for a bad option. */
export function memoryStore({
  maxBytes = 64 * 1024 * 1024,
  clock = systemClock,
}: MemoryStoreOptions = {}): IdempotencyStore {
  wholeIn("memoryStore", "maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER);
  const entries = new Map<string, Entry>();
  let bytes = 0;

  const remove = (key: string, entry: Entry): void => {
    entries.delete(key);
    bytes -= sizeOf(entry);
  };
  const put = (key: string, entry: Entry): void => {
    const known = entries.get(key);
    if (known) remove(key, known);
    entries.set(key, entry);
    bytes += sizeOf(entry);
    const now = clock.now();
    for (const [oldest, other] of entries) {
      if (other.expiresAt > now && bytes <= maxBytes) break;
      // A call under way is as long in here as its lease, whatever its age.
      if (other.owner === undefined || other.expiresAt <= now) remove(oldest, other);
    }
  };

  return {
    async claim(key, fingerprint, owner, leaseMs): Promise<Claim> {
      const known = entries.get(key);
      const expiresAt = clock.now() + leaseMs;
      if (known && known.expiresAt > clock.now() && known.owner !== owner) {
        const { fingerprint, record } = known;
        return record === undefined ? { state: "running", fingerprint } : { state: "done", fingerprint, record };
      }
      put(key, { fingerprint, owner, record: undefined, expiresAt });
      return { state: "claimed", fingerprint };
    },
    async settle(key, owner, record, ttlMs) {
      const known = entries.get(key);
      if (known?.owner !== owner) return;
      const done: Entry = { ...known, owner: undefined, record, expiresAt: clock.now() + ttlMs };
      // What is too large would drive out everything else.
      if (record === undefined || sizeOf(done) > maxBytes / 16) remove(key, known);
      else put(key, done);
    },
  };
}

interface Entry {
  readonly fingerprint: string;
  /** Who executes the call; `undefined` once it is done. */
  readonly owner: string | undefined;
  readonly record: string | undefined;
  readonly expiresAt: number;
}

/** What an entry takes beside its text, about. */
const ENTRY_BYTES = 400;

function sizeOf({ record = "" }: Entry): number {
  return ENTRY_BYTES + record.length * 2;
}
