import type { Clock } from "../clock.ts";
import type { LeaseStore } from "./store.ts";

/** Slots in memory. There are as many as calls that hold one; those whose lease has ended go when their key is asked next. */
export function memoryLeases(clock: Clock): LeaseStore {
  /** By key, each owner's, with the moment at which it ends. */
  const keys = new Map<string, Map<string, number>>();
  /** Of the key that was used first, what has ended: so none that is not asked for again stays for good. */
  const forgetOldest = (now: number): void => {
    const [oldest] = keys;
    if (!oldest) return;
    const [key, owners] = oldest;
    for (const [owner, endsAt] of owners) if (endsAt <= now) owners.delete(owner);
    keys.delete(key);
    if (owners.size > 0) keys.set(key, owners);
  };

  return {
    async lease(key, owner, max, leaseMs) {
      const now = clock.now();
      forgetOldest(now);
      const owners = keys.get(key) ?? new Map<string, number>();
      for (const [other, endsAt] of owners) if (endsAt <= now) owners.delete(other);
      if (!owners.has(owner) && owners.size >= max) return false;
      owners.set(owner, now + leaseMs);
      keys.set(key, owners);
      return true;
    },
    async release(key, owner) {
      const owners = keys.get(key);
      owners?.delete(owner);
      if (owners?.size === 0) keys.delete(key);
    },
  };
}
