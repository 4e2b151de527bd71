import { type Clock, type Draw, type Drawn, memoryStore, type Store } from "@gatewright/core";

const MARK = "local:";

/**
 * What a gateway decides with when it has no Redis: its share of each limit, counted in its own memory. What is drawn here
 * is marked, so that it is settled here, too.
 */
export function localStore(gateways: number, clock: Clock): Store {
  const memory = memoryStore({ clock });

  const share = (draw: Draw): Draw => {
    const capacity = Math.max(1, draw.rate.capacity / gateways);
    return { ...draw, rate: { ...draw.rate, capacity }, since: draw.since?.slice(MARK.length) };
  };
  const marked = ({ taken, states }: Drawn): Drawn => {
    return { taken, states: states.map((state) => ({ ...state, since: MARK + state.since })) };
  };

  return {
    ...memory,
    async draw(group, all, settle) {
      const draws = all.map(share);
      if (settle) return marked(await memory.draw(group, draws, true));
      // A call that costs more than the share, but not more than the limit, takes all of it, and the rest as a debt.
      const first = draws.map((draw, at) => ({ ...draw, cost: Math.min(draw.cost, costLimit(draw, all[at])) }));
      const drawn = await memory.draw(group, first, false);
      const rest = draws.map((draw, at) => ({ ...draw, cost: draw.cost - (first[at]?.cost ?? 0) }));
      if (!drawn.taken || rest.every(({ cost }) => cost === 0)) return marked(drawn);
      return marked(await memory.draw(group, rest, true));
    },
    lease: (key, owner, max, leaseMs) => memory.lease(key, owner, Math.max(1, Math.floor(max / gateways)), leaseMs),
  };
}

/** Whether a settlement is for what was drawn here. */
export function isLocal(draws: readonly Draw[]): boolean {
  return draws.some(({ since }) => since?.startsWith(MARK));
}

/** What a draw may take at once: its share, but no draw that the limit itself would never let pass. */
function costLimit(share: Draw, whole: Draw | undefined): number {
  return whole && share.cost <= whole.rate.capacity ? share.rate.capacity : share.cost;
}
