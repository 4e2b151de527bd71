import { CompileBudget, type CompiledSchema, compileSchema, SchemaError } from "./compiled-schema.ts";

/** How much the schemas that are kept weigh together, in bytes. */
const MAX_WEIGHT = 32 * 1024 * 1024;
/** What one takes by itself, for each character of its text, and for each value that it holds, at worst. */
const OWN_WEIGHT = 600;
const WEIGHT_PER_CHAR = 2;
const WEIGHT_PER_VALUE = 400;
/** How many characters are read in a unit of work. */
const CHARS_PER_WORK = 64;
/** How large one may be, in characters of its text. */
const MAX_CHARS = 256 * 1024;

/** Compiled schemas, by their text; those that were used last, within a size. */
export class SchemaCache {
  /** A map keeps the order of insertion, and one that is used is inserted anew. */
  readonly #kept = new Map<string, CompiledSchema>();
  #weight = 0;

  /**
   * The schema, compiled. Throws a `SchemaError` where it cannot be used, or is more than the budget. One that is kept costs the
   * same: whether a request is too large must not depend on those before it.
   */
  get(schema: unknown, budget: CompileBudget = new CompileBudget()): CompiledSchema {
    const text = JSON.stringify(schema);
    if (text.length > MAX_CHARS) {
      throw new SchemaError("", `must have at most ${MAX_CHARS.toLocaleString("en")} characters`);
    }
    budget.spend(text.length / CHARS_PER_WORK);
    const known = this.#kept.get(text);
    if (known) {
      budget.spend(known.work);
      this.#kept.delete(text);
      this.#kept.set(text, known);
      return known;
    }
    // Numbers that were kept as text are numbers here.
    const compiled = compileSchema(JSON.parse(text), budget);
    this.#kept.set(text, compiled);
    this.#weight += weightOf(text, compiled);
    for (const [oldest, forgotten] of this.#kept) {
      if (this.#weight <= MAX_WEIGHT) break;
      this.#kept.delete(oldest);
      this.#weight -= weightOf(oldest, forgotten);
    }
    return compiled;
  }
}

function weightOf(text: string, { values }: Pick<CompiledSchema, "values">): number {
  return OWN_WEIGHT + WEIGHT_PER_CHAR * text.length + WEIGHT_PER_VALUE * values;
}
