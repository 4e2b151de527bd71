import type { Fuel } from "./fuel.ts";
import { isObject } from "./json.ts";

/**
 * A set of JSON values, equal as JSON Schema means it (Core 2020-12, 4.2.2): 1 is 1.0, and the order of properties means
 * nothing. Looking one up takes time for its own size only, however many there are.
 */
export class ValueSet {
  readonly #plain = new Set<unknown>();
  readonly #structured = new Set<string>();

  has(value: unknown, fuel?: Fuel): boolean {
    // What has no structure equals nothing that has, so that a large value is not read for nothing.
    if (!isStructured(value)) return this.#plain.has(value);
    return this.#structured.size > 0 && this.#structured.has(canonical(value, fuel));
  }

  /** Adds a value, and answers whether it is new. */
  add(value: unknown, fuel?: Fuel): boolean {
    if (!isStructured(value)) return grows(this.#plain, value);
    return grows(this.#structured, canonical(value, fuel));
  }
}

function isStructured(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function grows<Value>(set: Set<Value>, value: Value): boolean {
  const { size } = set;
  return set.add(value).size > size;
}

/** The one text that equal values share. */
function canonical(value: unknown, fuel: Fuel | undefined): string {
  fuel?.spend(10);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, fuel)).join()}]`;
  if (isObject(value)) {
    const names = Object.keys(value).sort();
    fuel?.spend(8 * names.length);
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name], fuel)}`).join()}}`;
  }
  // Written text of 32 characters takes about as long as one step.
  if (typeof value === "string") fuel?.spend(value.length >> 5);
  // Infinity, which JSON.parse makes of 1e400, must not be the `null` that JSON.stringify writes.
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}
