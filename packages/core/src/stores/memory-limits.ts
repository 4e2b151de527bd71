import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { advance, change, type Rate, type RateState, untouched, view, waitFor } from "../limits/rate.ts";
import type { Draw, Drawn, DrawState, LimitStore } from "./store.ts";

/**
 * Counts in memory, of at most `maxKeys` keys. They are kept in two halves: what is used is in the young one, and once that
 * is full it becomes the old one, whose own counts are forgotten. So those that were not used for longest leave first, and
 * none is ever looked for.
 */
export function memoryLimits(maxKeys: number, clock: Clock): LimitStore {
  let young = new Map<string, RateState>();
  let old = new Map<string, RateState>();

  const stateOf = ({ rate, key }: Draw, now: number): RateState => {
    const state = young.get(key) ?? old.get(key);
    if (state === undefined) return untouched(rate, now);
    advance(rate, state, now);
    return state;
  };
  const keep = (key: string, state: RateState): void => {
    if (young.has(key)) return;
    if (young.size >= Math.ceil(maxKeys / 2)) {
      old = young;
      young = new Map();
    }
    young.set(key, state);
    old.delete(key);
  };

  return {
    async draw(_group, all, settle): Promise<Drawn> {
      const now = clock.now();
      const found = all.map((draw) => {
        const key =
          draw.key.length > LONG ? createHash("sha256").update(draw.key, "utf16le").digest("base64url") : draw.key;
        const state = stateOf({ ...draw, key }, now);
        return { ...draw, key, state, waitMs: settle ? 0 : waitFor(draw.rate, state, draw.cost, now) };
      });
      const taken = found.every(({ waitMs }) => waitMs === 0);
      const states = found.map(({ key, rate, cost, since, state, waitMs }): DrawState => {
        if (taken && !isOver(rate, state, cost, since)) change(rate, state, cost);
        const { remaining, resetMs } = view(rate, state, now);
        // Who is refused uses its count too, and is not forgotten sooner than others.
        if (resetMs > 0) keep(key, state);
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
