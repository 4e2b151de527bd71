import { SchemaError } from "./schema-error.ts";

/** How much work the schemas of one request may take together, in units of about a microsecond: some 30,000 values, or 600 patterns. */
const MAX_WORK = 100_000;

/** Thrown where the schemas of a request are too large together. */
class OverBudget extends SchemaError {
  constructor() {
    super("", "is one schema too many: the schemas of this request together are too large");
  }
}

/**
 * What compiling may still cost, for all schemas of one request: each has its own limits, but a request may have a thousand. What
 * grows with a schema is paid before it is done.
 */
export class CompileBudget {
  #spent = 0;

  /** Throws an `OverBudget` where that is too much. */
  spend(work: number): void {
    this.#spent += work;
    if (this.isSpent) throw new OverBudget();
  }

  get spent(): number {
    return this.#spent;
  }

  get isSpent(): boolean {
    return this.#spent > MAX_WORK;
  }
}
