import { type Attempt, attempts, type Context, type ContextKey, traceHeaders } from "@gatewright/core";

/** The values of a call for one provider: with trace headers of its own, and an eye on what it notes of its calls. */
export class AttemptContext implements Context {
  readonly #outer: Context;
  #headers: Readonly<Record<string, string>>;
  /** What was noted last below, as it stands now: one provider may try several keys. */
  made: Attempt | undefined;

  constructor(outer: Context, headers: Readonly<Record<string, string>>) {
    this.#outer = outer;
    this.#headers = headers;
  }

  get<T>(key: ContextKey<T>): T {
    // What is kept for the key was given or set for that very key.
    return is(key, traceHeaders) ? (this.#headers as T) : this.#outer.get(key);
  }

  set<T>(key: ContextKey<T>, value: NoInfer<T>): void {
    if (is(key, traceHeaders)) {
      this.#headers = value as Readonly<Record<string, string>>;
      return;
    }
    if (is(key, attempts)) {
      const before = this.#outer.get(attempts);
      // Others may be noted at the same time elsewhere, by a hedge: what is new in this list was noted here.
      this.made = (value as readonly Attempt[]).findLast((attempt) => !before.includes(attempt)) ?? this.made;
    }
    this.#outer.set(key, value);
  }
}

/** Two keys are the same only where they are one object, whatever the types of their values. */
function is(key: unknown, other: unknown): boolean {
  return key === other;
}
