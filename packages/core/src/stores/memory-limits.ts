import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { advance, change, type Rate, type RateState, untouched, view, waitFor } from "../limits/rate.ts";
import { RecentMap } from "../recent-map.ts";
import type { Drawn, DrawState, LimitStore } from "./store.ts";

/** Counts in memory, of at most `maxCounts` keys; those that were not used for longest are forgotten first. */
export function memoryLimits(maxCounts: number, clock: Clock): LimitStore {
  const counts = new RecentMap<RateState>(maxCounts);

  const stateOf = (key: string, rate: Rate, now: number): RateState => {
    const state = counts.get(key);
    if (state === undefined) return untouched(rate, now);
    advance(rate, state, now);
    return state;
  };

  return {
    async draw(_group, all, settle): Promise<Drawn> {
      const now = clock.now();
      const found = all.map((draw) => {
        const key =
          draw.key.length > LONG ? createHash("sha256").update(draw.key, "utf16le").digest("base64url") : draw.key;
        const state = stateOf(key, draw.rate, now);
        return { ...draw, key, state, waitMs: settle ? 0 : waitFor(draw.rate, state, draw.cost, now) };
      });
      const taken = found.every(({ waitMs }) => waitMs === 0);
      const states = found.map(({ key, rate, cost, since, state, waitMs }): DrawState => {
        if (taken && !isOver(rate, state, cost, since)) change(rate, state, cost);
        const { remaining, resetMs } = view(rate, state, now);
        // Who is refused uses its count too, and is not forgotten sooner than others.
        if (resetMs > 0) counts.set(key, state);
        return {
          remaining,
          resetMs: Math.ceil(resetMs),
          waitMs: Math.ceil(waitMs),
          since: String(state.at),
        };
      });
      return { taken, states };
    },
  };
}

/** Longer keys are kept as their hash, so that what a caller sends cannot take more room than another's. */
const LONG = 128;

/** Whether what is given back was taken from a window that is over. */
function isOver({ kind }: Rate, { at }: RateState, cost: number, since: string | undefined): boolean {
  return kind === "window" && cost < 0 && since !== undefined && since !== String(at);
}
