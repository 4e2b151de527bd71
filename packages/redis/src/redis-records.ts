import type { Claim, IdempotencyStore } from "@gatewright/core";
import { NO_ANSWER } from "./availability.ts";
import { type Backend, placeOf, textsOf, wholeMs } from "./backend.ts";
import { claimScript, settleScript } from "./scripts.ts";

/** Records of calls on Redis. */
export function redisRecords({ redis, keys, local, instead, giveBack }: Backend): IdempotencyStore {
  return {
    async claim(key, fingerprint, owner, leaseMs): Promise<Claim> {
      const place = placeOf(keys, "call", key);
      const values = [fingerprint, owner, wholeMs(leaseMs)];
      const answer = await redis.ask(place.shard, { script: claimScript, keys: [place.key], values }, (late) => {
        const [state, how] = textsOf(late);
        // One that was renewed is the owner's from before.
        if (state !== "claimed" || how !== "new") return;
        giveBack({ script: settleScript, keys: [place.key], values: [owner, "1"] });
      });
      if (answer === NO_ANSWER) return instead().claim(key, fingerprint, owner, leaseMs);
      const [state, known = "", record = ""] = textsOf(answer);
      if (state === "done") return { state, fingerprint: known, record };
      return state === "running" ? { state, fingerprint: known } : { state: "claimed", fingerprint };
    },
    async settle(key, owner, record, ttlMs) {
      const place = placeOf(keys, "call", key);
      const values = [owner, wholeMs(ttlMs), ...(record === undefined ? [] : [record])];
      // It may have been claimed here or there.
      await Promise.all([
        local.settle(key, owner, record, ttlMs),
        redis.ask(place.shard, { script: settleScript, keys: [place.key], values }),
      ]);
    },
  };
}
