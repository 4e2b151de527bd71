import assert from "node:assert/strict";
import type { Rate } from "../limits/rate.ts";
import type { Draw, DrawState, LimitStore, Store } from "../stores/store.ts";

/** A store that holds nothing yet. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Lets at least this many milliseconds of the store's own time pass: a fake clock moves on, a real one takes its time. */
  wait(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Registers one test of the contract, which gets a store of its own. */
export type StoreContract = (name: string, run: (under: StoreUnderTest) => Promise<void>) => void;

/** So long that nothing comes back while a test runs, however slow the machine is. */
export const LONG_MS = 3_600_000;
/** How much of it a test may take, so that times are told in ranges. */
export const TEST_MS = 60_000;
/** What a test waits for. Late is no failure anywhere: a test never needs to be done within it. */
export const SHORT_MS = 200;
/** How much further the clocks of a test and of its store may be apart once it has waited. */
export const APART_MS = 10;

/** Texts that a store must take as they are, and tell from each other. */
export const ODD_KEYS: readonly string[] = [
  ...["", " ", "a", "A", "{", "}", "{a}", "{a}b", "{}", ":", "a:b", "a:b:", "a|b", "*", "a\nb", "a\r\nb", "\0", "\\"],
  ...["ключ", "🔑", "é", "e\u0301", "__proto__", "constructor"],
  ...["", "y", "\n"].map((end) => "x".repeat(100_000) + end),
];

/** Halves of a surrogate pair, which JSON can hold: as UTF-8 all of them would be the last. */
export const TORN_KEYS: readonly string[] = ["", "x".repeat(100_000)].flatMap((start) => {
  return ["\ud83d", "\udd11", "\ufffd"].map((end) => start + end);
});

export const KINDS = ["window", "bucket"] as const;

export function rateOf(kind: Rate["kind"], capacity: number, periodMs: number = LONG_MS): Rate {
  return { kind, capacity, periodMs };
}

/** What came of a step with one draw. */
export interface One extends DrawState {
  readonly taken: boolean;
}

/** Takes from one count. */
export function take(store: LimitStore, key: string, rate: Rate, cost = 1): Promise<One> {
  return one(store, { key, rate, cost }, false);
}

/** Settles one count. */
export async function settle(store: LimitStore, key: string, rate: Rate, cost: number, since?: string): Promise<One> {
  const settled = await one(store, { key, rate, cost, since }, true);
  assert.equal(settled.taken, true, "a settlement is always taken");
  assert.equal(settled.waitMs, 0, "a settlement never waits");
  return settled;
}

/** What is left. */
export async function left(store: LimitStore, key: string, rate: Rate): Promise<number> {
  return (await settle(store, key, rate, 0)).remaining;
}

async function one(store: LimitStore, draw: Draw, settle: boolean): Promise<One> {
  const { taken, states } = await store.draw("group", [draw], settle);
  const [state] = states;
  assert.ok(state !== undefined && states.length === 1, "a state for each draw");
  assert.ok(Number.isInteger(state.remaining), `remaining is a whole number, not ${state.remaining}`);
  assert.ok(state.remaining <= draw.rate.capacity, `${state.remaining} of ${draw.rate.capacity} remain`);
  assert.ok(state.resetMs >= 0, `resetMs is ${state.resetMs}`);
  assert.equal(taken, state.waitMs === 0, `taken: ${taken}, waitMs: ${state.waitMs}`);
  return { taken, ...state };
}

/** Asserts that a time is `ms`, or less by what has passed in the meantime. */
export function assertTime(actual: number, ms: number): void {
  assert.ok(actual <= ms && actual > ms - TEST_MS, `${actual} ms where ${ms} are due`);
}

/** A key as a failure shows it. */
export function shown(key: string): string {
  return JSON.stringify(key.slice(-20));
}
