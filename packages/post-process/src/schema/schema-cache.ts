import { type CompiledSchema, compileSchema } from "./compiled-schema.ts";

/** How much text the schemas that are kept have together, in characters; a compiled one is some times as large. */
const MAX_CHARS = 4 * 1024 * 1024;

/** Compiled schemas, by their text; those that were used last, within a size. */
export class SchemaCache {
  /** A map keeps the order of insertion, and one that is used is inserted anew. */
  readonly #kept = new Map<string, CompiledSchema>();
  #chars = 0;

  /** The schema, compiled. Throws a `SchemaError` where it cannot be used. */
  get(schema: unknown): CompiledSchema {
    const text = JSON.stringify(schema);
    const known = this.#kept.get(text);
    if (known) this.#kept.delete(text);
    else this.#chars += text.length;
    let compiled: CompiledSchema;
    try {
      // Numbers that were kept as text are numbers here.
      compiled = known ?? compileSchema(JSON.parse(text));
    } catch (thrown) {
      this.#chars -= text.length;
      throw thrown;
    }
    this.#kept.set(text, compiled);
    for (const oldest of this.#kept.keys()) {
      if (this.#chars <= MAX_CHARS) break;
      this.#kept.delete(oldest);
      this.#chars -= oldest.length;
    }
    return compiled;
  }
}
