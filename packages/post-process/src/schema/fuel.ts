import { isObject } from "./json.ts";

/** What the checks of one answer may cost at least, in steps: about a tenth of a microsecond each, so some 20 ms together. */
const FUEL = 200_000;
/** What each value and each character of a large answer adds. An honest schema costs about six steps a value. */
const FUEL_PER_VALUE = 20;
const FUEL_PER_CHAR = 2;
/** The most for any answer: two tenths of a second. */
const MAX_FUEL = 2_000_000;

/** Thrown where a check would take more work than it may. */
export class OutOfFuel extends Error {}

/**
 * What checks may still cost, one after the other: an answer may call tools hundreds of times. Whatever grows with the schema or
 * the value is paid before it is done. Once it is used up, every check ends at once.
 */
export class Fuel {
  #left: number;
  /** What the sizes of the values may still add. */
  #reserve: number;
  #value: unknown;
  #measured = true;

  /** For checking so many answers. */
  constructor(answers = 1) {
    this.#left = FUEL * answers;
    this.#reserve = (MAX_FUEL - FUEL) * answers;
  }

  /** Tells that a value is to be checked now. */
  begin(value: unknown): void {
    this.#value = value;
    this.#measured = false;
  }

  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) this.#refuel();
  }

  /** Only what is not enough for every value is worth measuring the one at hand. */
  #refuel(): void {
    if (!this.#measured) {
      this.#measured = true;
      const added = costOf(this.#value, Math.min(MAX_FUEL - FUEL, this.#reserve));
      this.#left += added;
      this.#reserve -= added;
    }
    if (this.#left >= 0) return;
    this.#reserve = 0;
    throw new OutOfFuel();
  }
}

/** How much more a value may cost for its size, within a limit. */
function costOf(value: unknown, limit: number): number {
  let cost = 0;
  const waiting = [value];
  while (waiting.length > 0 && cost < limit) {
    const next = waiting.pop();
    cost += FUEL_PER_VALUE;
    if (typeof next === "string") cost += next.length * FUEL_PER_CHAR;
    else if (Array.isArray(next)) for (const item of next) waiting.push(item);
    else if (isObject(next)) for (const item of Object.values(next)) waiting.push(item);
  }
  return Math.min(cost, limit);
}
