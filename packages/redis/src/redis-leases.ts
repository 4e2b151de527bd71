import type { LeaseStore } from "@gatewright/core";
import { NO_ANSWER } from "./availability.ts";
import { type Backend, placeOf, wholeMs } from "./backend.ts";
import { leaseScript, releaseScript } from "./scripts.ts";

/** Slots on Redis. */
export function redisLeases({ redis, keys, local, instead, giveBack }: Backend): LeaseStore {
  return {
    async lease(key, owner, max, leaseMs) {
      const place = placeOf(keys, "lease", key);
      const values = [owner, String(max), wholeMs(leaseMs)];
      const answer = await redis.ask(place.shard, { script: leaseScript, keys: [place.key], values }, (late) => {
        // One that was renewed is the owner's from before.
        if (String(late) === "new") giveBack({ script: releaseScript, keys: [place.key], values: [owner] });
      });
      if (answer === NO_ANSWER) return instead().lease(key, owner, max, leaseMs);
      return String(answer) !== "full";
    },
    async release(key, owner) {
      const place = placeOf(keys, "lease", key);
      const command = { script: releaseScript, keys: [place.key], values: [owner] };
      // It may have been taken here or there.
      await Promise.all([local.release(key, owner), redis.ask(place.shard, command)]);
    },
  };
}
