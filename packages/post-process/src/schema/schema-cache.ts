import { type CompiledSchema, compileSchema } from "./compiled-schema.ts";

/**
 * How much the schemas that are kept weigh together, in characters of their text; compiled, one takes about ten times that, and
 * the smallest some hundred bytes.
 */
const MAX_WEIGHT = 4 * 1024 * 1024;
const OWN_WEIGHT = 200;

/** Compiled schemas, by their text; those that were used last, within a size. */
export class SchemaCache {
  /** A map keeps the order of insertion, and one that is used is inserted anew. */
  readonly #kept = new Map<string, CompiledSchema>();
  #weight = 0;

  /** The schema, compiled. Throws a `SchemaError` where it cannot be used. */
  get(schema: unknown): CompiledSchema {
    const text = JSON.stringify(schema);
    const known = this.#kept.get(text);
    if (known) this.#kept.delete(text);
    else this.#weight += weightOf(text);
    let compiled: CompiledSchema;
    try {
      // Numbers that were kept as text are numbers here.
      compiled = known ?? compileSchema(JSON.parse(text));
    } catch (thrown) {
      this.#weight -= weightOf(text);
      throw thrown;
    }
    this.#kept.set(text, compiled);
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= MAX_WEIGHT) break;
      this.#kept.delete(oldest);
      this.#weight -= weightOf(oldest);
    }
    return compiled;
  }
}

function weightOf(text: string): number {
  return OWN_WEIGHT + text.length;
}
