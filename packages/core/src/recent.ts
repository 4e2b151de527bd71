/** How many names are remembered at once. */
const MOST = 1000;

/** How many of those that are to be kept are passed over for one that is not. */
const PASSED_OVER = 20;

/**
 * Values by a name that a caller may have chosen, such as a model: made on first use, and bounded. Past a thousand, the
 * one that was not used for longest is forgotten; where `keep` says so, rather another that is nearly as old.
 */
export class Recent<Value> {
  readonly #values = new Map<string, Value>();
  readonly #make: (name: string) => Value;
  readonly #keep: (value: Value) => boolean;

  constructor(make: (name: string) => Value, keep: (value: Value) => boolean = () => false) {
    this.#make = make;
    this.#keep = keep;
  }

  get(name: string): Value {
    const value = this.#values.get(name) ?? this.#make(name);
    // A map keeps the order of insertion: the first is the one that was not used for longest.
    this.#values.delete(name);
    this.#values.set(name, value);
    if (this.#values.size > MOST) this.#values.delete(this.#oldest());
    return value;
  }

  #oldest(): string {
    const old = this.#values.entries().take(PASSED_OVER).toArray();
    // There are a thousand, so there is a first.
    const [name] = (old.find(([, value]) => !this.#keep(value)) ?? old[0]) as [string, Value];
    return name;
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }
}
