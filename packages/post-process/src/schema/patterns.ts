import { Pattern } from "./pattern.ts";
import { PatternRefused } from "./pattern-refused.ts";
import { SchemaError } from "./schema-error.ts";

/** How long all patterns of a schema may be together; each counts for some more, as making one takes time. */
const MAX_CHARS = 8000;
const CHARS_PER_PATTERN = 20;
/** How many instructions their programs may have together. */
const MAX_PROGRAM = 12_000;

/** The patterns of one schema. */
export class Patterns {
  readonly #made = new Map<string, Pattern>();
  #chars = 0;
  #program = 0;

  /** Throws a `SchemaError` with the path of the pattern where it cannot be run. */
  get(source: string, path: string): Pattern {
    const known = this.#made.get(source);
    if (known) return known;
    this.#chars += source.length + CHARS_PER_PATTERN;
    if (this.#chars > MAX_CHARS) throw tooMuch(path);
    const pattern = make(source, path);
    this.#program += pattern.programSize;
    if (this.#program > MAX_PROGRAM) throw tooMuch(path);
    this.#made.set(source, pattern);
    return pattern;
  }
}

function make(source: string, path: string): Pattern {
  try {
    return new Pattern(source);
  } catch (thrown) {
    if (thrown instanceof PatternRefused) throw new SchemaError(path, thrown.message);
    throw thrown;
  }
}

function tooMuch(path: string): SchemaError {
  return new SchemaError(path, "is one pattern too many: together the patterns of this schema take too much work");
}
