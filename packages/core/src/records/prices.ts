import { numberIn } from "../options.ts";
import { namePattern } from "../pattern.ts";
import type { TokenRecord } from "./record.ts";

/** What a million tokens of a model cost, in any one currency. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Of input that the provider had in its cache; default as `input`. */
  readonly cachedInput?: number;
}

/** What tokens cost where one of these models gave them: by the first that has a price; `undefined` where none has. */
export type CostOf = (tokens: TokenRecord, models: readonly (string | undefined)[]) => number | undefined;

/** Reads prices by model; of patterns with `*` the first that fits counts, a full name before all. Throws a `TypeError`. */
export function readPrices(part: string, prices: Readonly<Record<string, Price>>): CostOf {
  const names = new Map<string, Price>();
  const patterns: [fits: (model: string) => boolean, price: Price][] = [];
  if (typeof prices !== "object" || prices === null) throw new TypeError(`${part}: prices must be an object.`);
  for (const [model, price] of Object.entries(prices)) {
    if (typeof price !== "object" || price === null) {
      throw new TypeError(`${part}: prices[${JSON.stringify(model)}] must be an object with input and output.`);
    }
    const { input, output, cachedInput = input } = price;
    for (const [field, value] of Object.entries({ input, output, cachedInput })) {
      // What is no number is not within any bounds, and is told.
      const number = typeof value === "number" ? value : Number.NaN;
      numberIn(part, `prices[${JSON.stringify(model)}].${field}`, number, 0, 1e9);
    }
    const checked: Price = { input, output, cachedInput };
    if (model.includes("*")) patterns.push([namePattern(model), checked]);
    else names.set(model, checked);
  }
  if (names.size === 0 && patterns.length === 0) return () => undefined;
  const priceOf = (model: string): Price | undefined => names.get(model) ?? patterns.find(([fits]) => fits(model))?.[1];

  return ({ input, output, cached = 0 }, models) => {
    for (const model of models) {
      const price = model === undefined ? undefined : priceOf(model);
      if (!price) continue;
      const { cachedInput = price.input } = price;
      const cost = (input - cached) * price.input + cached * cachedInput + output * price.output;
      // Digits beyond these are those of binary fractions.
      return Math.round(cost * 1000) / 1e9;
    }
    return undefined;
  };
}
