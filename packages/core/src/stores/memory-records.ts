import type { Clock } from "../clock.ts";
import type { Claim, IdempotencyStore } from "./store.ts";

/** Records of calls in memory, of `maxBytes` together. Past it the oldest go first. */
export function memoryRecords(maxBytes: number, clock: Clock): IdempotencyStore {
  const entries = new Map<string, Entry>();
  let bytes = 0;
  // Goes on where it was: a map that is read from its start passes over all that was deleted there.
  let cursor = entries.entries();
  let oldest: [string, Entry] | undefined;

  const remove = (key: string, entry: Entry): void => {
    entries.delete(key);
    bytes -= sizeOf(entry);
  };
  const put = (key: string, entry: Entry): void => {
    const known = entries.get(key);
    if (known) remove(key, known);
    entries.set(key, entry);
    bytes += sizeOf(entry);
    makeRoom();
  };
  const makeRoom = (): void => {
    const now = clock.now();
    for (let passed = 0; passed < PASSED_OVER; ) {
      oldest ??= next();
      if (oldest === undefined) return;
      const [key, entry] = oldest;
      const isThere = entries.get(key) === entry;
      const isOver = entry.expiresAt <= now;
      if (isThere && !isOver && bytes <= maxBytes) return;
      oldest = undefined;
      if (!isThere) continue;
      entries.delete(key);
      // A call under way is as long in here as its lease, whatever its age.
      if (!isOver && entry.owner !== undefined) {
        entries.set(key, entry);
        passed++;
      } else bytes -= sizeOf(entry);
    }
  };
  /** The next entry in the order of their age. */
  const next = (): [string, Entry] | undefined => {
    const { value } = cursor.next();
    if (value) return value;
    cursor = entries.entries();
    return cursor.next().value;
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

/** How many calls under way are passed over for one that is done, at a time. */
const PASSED_OVER = 100;

/** What an entry takes beside its text, about. */
const ENTRY_BYTES = 400;

function sizeOf({ record = "" }: Entry): number {
  return ENTRY_BYTES + record.length * 2;
}
