import type { CompileBudget } from "./compile-budget.ts";
import { Pattern } from "./pattern.ts";
import { PatternRefused } from "./pattern-refused.ts";
import { SchemaError } from "./schema-error.ts";

/** What making all patterns of a schema may cost: a hundred of forty characters each, or two of three thousand instructions. */
const MAX_WORK = 20_000;

/** The patterns of one schema. */
export class Patterns {
  readonly #made = new Map<string, Pattern>();
  readonly #budget: CompileBudget;
  #work = 0;

  constructor(budget: CompileBudget) {
    this.#budget = budget;
  }

  /** Throws a `SchemaError` with the path of the pattern where it cannot be run. */
  get(source: string, path: string): Pattern {
    const known = this.#made.get(source);
    if (known) return known;
    const pattern = make(source, path, (work) => {
      this.#budget.spend(work);
      this.#work += work;
      if (this.#work > MAX_WORK) throw tooMuch(path);
    });
    this.#made.set(source, pattern);
    return pattern;
  }
}

function make(source: string, path: string, pay: (work: number) => void): Pattern {
  try {
    return new Pattern(source, pay);
  } catch (thrown) {
    if (thrown instanceof PatternRefused) throw new SchemaError(path, thrown.message);
    throw thrown;
  }
}

function tooMuch(path: string): SchemaError {
  return new SchemaError(path, "is one pattern too many: together the patterns of this schema take too much work");
}
