import { isObject } from "./json.ts";

/** What a check may cost at least, in steps: about the time of a function call each, so some ten milliseconds together. */
const FUEL = 200_000;
/** What each value and each character of a large answer adds. An honest schema costs about six steps a value. */
const FUEL_PER_VALUE = 20;
const FUEL_PER_CHAR = 2;
/** The most for any answer: a few tenths of a second. */
const MAX_FUEL = 2_000_000;

/** Thrown where a check would take more work than it may. */
export class OutOfFuel extends Error {}

/** What one check may still cost. Whatever grows with the schema or the value is paid before it is done. */
export class Fuel {
  readonly #value: unknown;
  #left = FUEL;
  #measured = false;

  /** For checking a value. */
  constructor(value: unknown) {
    this.#value = value;
  }

  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) this.#refuel();
  }

  /** Only what is not enough for every value is worth measuring the one at hand. */
  #refuel(): void {
    if (!this.#measured) {
      this.#measured = true;
      this.#left += Math.min(costOf(this.#value), MAX_FUEL - FUEL);
    }
    if (this.#left < 0) throw new OutOfFuel();
  }
}

/** How much more a value may cost for its size. */
function costOf(value: unknown): number {
  let cost = 0;
  const waiting = [value];
  while (waiting.length > 0 && cost < MAX_FUEL) {
    const next = waiting.pop();
    cost += FUEL_PER_VALUE;
    if (typeof next === "string") cost += next.length * FUEL_PER_CHAR;
    else if (Array.isArray(next)) for (const item of next) waiting.push(item);
    else if (isObject(next)) for (const item of Object.values(next)) waiting.push(item);
  }
  return cost;
}
