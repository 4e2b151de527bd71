/** How many names are remembered at once. */
const MOST = 1000;

/**
 * Values by a name that a caller may have chosen, such as a model: made on first use, and bounded. Past a thousand, the
 * one that was not used for longest is forgotten.
 */
export class Recent<Value> {
  readonly #values = new Map<string, Value>();
  readonly #make: (name: string) => Value;

  constructor(make: (name: string) => Value) {
    this.#make = make;
  }

  get(name: string): Value {
    const value = this.#values.get(name) ?? this.#make(name);
    // A map keeps the order of insertion: the first is the one that was not used for longest.
    this.#values.delete(name);
    this.#values.set(name, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= MOST) break;
      this.#values.delete(oldest);
    }
    return value;
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }
}
