import type { Clock } from "../clock.ts";
import type { LeaseStore } from "./store.ts";

/** Slots in memory. There are as many as calls that hold one; those whose lease has ended go when their key is asked next. */
export function memoryLeases(clock: Clock): LeaseStore {
  /** By key, each owner's, with the moment at which it ends. */
  const keys = new Map<string, Map<string, number>>();
  return {
    async lease(key, owner, max, leaseMs) {
      const now = clock.now();
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
