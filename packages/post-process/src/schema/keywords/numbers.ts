import { type Keyword, type Keywords, keyword } from "../keyword.ts";
import { isMultiple } from "../multiples.ts";
import { narrowed, number } from "../shape.ts";

/** What dividing takes, in steps; and how many digits more take another one, where numbers are of different size. */
const MULTIPLE_FUEL = 20;
const DIGITS_PER_STEP = 8;

const divisor = narrowed(number, "a number greater than 0", (value) => value > 0 && Number.isFinite(value));

/** Keywords for numbers (JSON Schema Validation 2020-12, 6.2). */
export const NUMBERS: Keywords = {
  multipleOf: keyword(divisor, (of) => (value, place, run) => {
    if (typeof value !== "number") return true;
    run.fuel.spend(MULTIPLE_FUEL + digitsBetween(value, of) / DIGITS_PER_STEP);
    return isMultiple(value, of) || run.fails(place, () => `must be a multiple of ${of}`);
  }),
  maximum: bound("at most", (value, limit) => value <= limit),
  exclusiveMaximum: bound("less than", (value, limit) => value < limit),
  minimum: bound("at least", (value, limit) => value >= limit),
  exclusiveMinimum: bound("greater than", (value, limit) => value > limit),
};

/** How many digits longer the larger of two numbers is, where both are written out. */
function digitsBetween(value: number, of: number): number {
  return value === 0 || !Number.isFinite(value) ? 0 : Math.abs(Math.log10(Math.abs(value)) - Math.log10(of));
}

function bound(words: string, holds: (value: number, limit: number) => boolean): Keyword {
  return keyword(
    number,
    (limit) => (value, place, run) =>
      typeof value !== "number" || holds(value, limit) || run.fails(place, () => `must be ${words} ${limit}`),
  );
}
