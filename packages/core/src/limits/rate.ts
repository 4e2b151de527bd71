/**
 * How much may be taken, and how it comes back.
 *
 * `window`: `capacity` within `periodMs`, counted from the first taking; then all of it is there again. What was used
 * beyond the capacity (a call that used more than it had reserved) is a debt that the next windows pay.
 *
 * `bucket`: holds `capacity` at the most, and comes back steadily: empty, it is full again after `periodMs`.
 */
export interface Rate {
  readonly kind: "window" | "bucket";
  readonly capacity: number;
  /** Milliseconds. */
  readonly periodMs: number;
}

/**
 * What is kept of a rate that was taken from: two numbers, in memory as on Redis. A window keeps the moment it began, and
 * what was used since, over all windows that a debt has joined. A bucket keeps a moment, and what it held then.
 */
export interface RateState {
  at: number;
  amount: number;
}

/** What sums of parts may be off, as a part of the capacity: ten times 0.1 is less than 1. */
const ROUNDING = 1e-12;

/** What a rate looks like at a moment. */
export interface RateView {
  /** What can be taken, a whole number; below 0 it is a debt. */
  readonly remaining: number;
  /** Milliseconds until all of it is there again; 0 where it is. */
  readonly resetMs: number;
}

/** Moves a state to `now`: what has come back since is there. */
export function advance({ kind, capacity, periodMs }: Rate, state: RateState, now: number): void {
  // A clock that was set back (Redis has no other) must not make anybody wait for as long.
  if (state.at > now) state.at = now;
  if (kind === "bucket") {
    state.amount = Math.min(capacity, state.amount + ((now - state.at) / periodMs) * capacity);
    state.at = now;
  } else if (state.amount <= Math.floor((now - state.at) / periodMs) * capacity + capacity * ROUNDING) {
    // Every window that has passed has paid its part.
    state.at = now;
    state.amount = 0;
  }
}

/** A rate from which nothing was taken. */
export function untouched({ kind, capacity }: Rate, now: number): RateState {
  return { at: now, amount: kind === "bucket" ? capacity : 0 };
}

/** The state as it looks at `now`, to which it was moved. */
export function view({ kind, capacity, periodMs }: Rate, { at, amount }: RateState, now: number): RateView {
  const slack = capacity * ROUNDING;
  if (kind === "bucket") {
    const missing = capacity - amount;
    return {
      remaining: Math.floor(Math.min(capacity, amount + slack)),
      resetMs: missing > slack ? (missing / capacity) * periodMs : 0,
    };
  }
  // What is given back once the windows since have paid for it is no more than all.
  const used = Math.max(0, amount - Math.floor((now - at) / periodMs) * capacity);
  const resetMs = used > slack ? at + Math.ceil(amount / capacity) * periodMs - now : 0;
  return { remaining: Math.floor(Math.min(capacity, capacity - used + slack)), resetMs };
}

/** Milliseconds until `cost` can be taken: 0 where it can be now, Infinity where it never can. */
export function waitFor(
  { kind, capacity, periodMs }: Rate,
  { at, amount }: RateState,
  cost: number,
  now: number,
): number {
  if (cost > capacity) return Number.POSITIVE_INFINITY;
  if (kind === "bucket") return amount + capacity * ROUNDING >= cost ? 0 : ((cost - amount) / capacity) * periodMs;
  const passed = Math.floor((now - at) / periodMs);
  const windows = Math.ceil((amount + cost) / capacity - ROUNDING) - 1;
  return windows <= passed ? 0 : at + windows * periodMs - now;
}

/** Takes `cost` from a state, whether it is there or not; a negative one gives back. */
export function change({ kind, capacity }: Rate, state: RateState, cost: number): void {
  if (kind === "window") state.amount = Math.max(0, state.amount + cost);
  else state.amount = Math.min(capacity, state.amount - cost);
}
