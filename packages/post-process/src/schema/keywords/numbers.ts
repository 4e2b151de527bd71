import { type Keyword, type Keywords, keyword } from "../keyword.ts";
import { isMultiple } from "../multiples.ts";
import { narrowed, number } from "../shape.ts";

/** What whole numbers of hundreds of digits take, in steps. */
const MULTIPLE_FUEL = 20;

const divisor = narrowed(number, "a number greater than 0", (value) => value > 0 && Number.isFinite(value));

/** Keywords for numbers (JSON Schema Validation 2020-12, 6.2). */
export const NUMBERS: Keywords = {
  multipleOf: keyword(divisor, (of) => (value, place, run) => {
    if (typeof value !== "number") return true;
    run.fuel.spend(MULTIPLE_FUEL);
    return isMultiple(value, of) || run.fails(place, () => `must be a multiple of ${of}`);
  }),
  maximum: bound("at most", (value, limit) => value <= limit),
  exclusiveMaximum: bound("less than", (value, limit) => value < limit),
  minimum: bound("at least", (value, limit) => value >= limit),
  exclusiveMinimum: bound("greater than", (value, limit) => value > limit),
};

function bound(words: string, holds: (value: number, limit: number) => boolean): Keyword {
  return keyword(
    number,
    (limit) => (value, place, run) =>
      typeof value !== "number" || holds(value, limit) || run.fails(place, () => `must be ${words} ${limit}`),
  );
}
