import type { CallRecord } from "../records/record.ts";
import { Distinct, type DistinctCount } from "./distinct.ts";
import { type Entry, isError } from "./entry.ts";
import { fieldsOf, numberOf } from "./fields.ts";

/** What all calls together come to. */
export interface TotalsReport {
  readonly calls: number;
  readonly outcomes: Readonly<Record<CallRecord["outcome"], number>>;
  /** Calls that failed or were interrupted. A caller who left is no error. */
  readonly errors: number;
  /** Calls of which the caller saw a part that did not complete. */
  readonly partial: number;
  readonly retries: number;
  readonly fallbacks: number;
  readonly tokens: {
    readonly input: number;
    readonly output: number;
    readonly cached: number;
    readonly reasoning: number;
  };
  readonly cost: number;
  /** How many of the calls have a cost: a model without a price has none. */
  readonly priced: number;
  readonly callers: DistinctCount;
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
}

/** Adds up calls. */
export class Totals {
  readonly #outcomes: Record<CallRecord["outcome"], number> = { completed: 0, failed: 0, interrupted: 0, canceled: 0 };
  readonly #sums = { calls: 0, errors: 0, partial: 0, retries: 0, fallbacks: 0, cost: 0, priced: 0 };
  readonly #tokens = { input: 0, output: 0, cached: 0, reasoning: 0 };
  readonly #callers = new Distinct();
  #firstMs: number | undefined;
  #lastMs: number | undefined;

  add(entry: Entry): void {
    const sums = this.#sums;
    sums.calls++;
    this.#outcomes[entry.outcome]++;
    if (isError(entry)) sums.errors++;
    if (entry.partial) sums.partial++;
    sums.retries += entry.retries;
    sums.fallbacks += entry.fallbacks;
    if (entry.cost !== undefined) sums.priced++;
    sums.cost += entry.cost ?? 0;
    this.#callers.add(entry.caller);
    this.#addTokens(entry);
    if (entry.timeMs === undefined) return;
    this.#firstMs = Math.min(this.#firstMs ?? entry.timeMs, entry.timeMs);
    this.#lastMs = Math.max(this.#lastMs ?? entry.timeMs, entry.timeMs);
  }

  #addTokens({ fields }: Entry): void {
    if (fields.tokens === undefined) return;
    const { input, output, cached, reasoning } = fieldsOf(fields.tokens);
    this.#tokens.input += numberOf(input) ?? 0;
    this.#tokens.output += numberOf(output) ?? 0;
    this.#tokens.cached += numberOf(cached) ?? 0;
    this.#tokens.reasoning += numberOf(reasoning) ?? 0;
  }

  report(): TotalsReport {
    const [outcomes, tokens] = [{ ...this.#outcomes }, { ...this.#tokens }];
    return {
      ...this.#sums,
      outcomes,
      tokens,
      callers: this.#callers.count(),
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
    };
  }
}
