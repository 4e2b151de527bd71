import { type Entry, isError } from "./entry.ts";
import { Histogram } from "./histogram.ts";

/** Times that half and 95 % of the completed calls did not exceed, in milliseconds, within 2 %. */
export interface Times {
  readonly p50: number | undefined;
  readonly p95: number | undefined;
}

/** What became of the calls of one group. */
export interface TrafficRow {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
  /** Of a provider: how often it was asked, whoever answered in the end. */
  readonly tries: number;
  readonly failedTries: number;
  readonly totalMs: Times;
  readonly firstTokenMs: Times;
}

/** Counts calls and how long they took. */
export class Traffic {
  calls = 0;
  errors = 0;
  tries = 0;
  failedTries = 0;
  readonly #total = new Histogram();
  readonly #firstToken = new Histogram();

  add(entry: Pick<Entry, "kind" | "outcome" | "totalMs" | "firstTokenMs">): void {
    this.calls++;
    if (isError(entry)) this.errors++;
    if (entry.outcome !== "completed") return;
    if (entry.totalMs !== undefined) this.#total.add(entry.totalMs);
    if (entry.firstTokenMs !== undefined) this.#firstToken.add(entry.firstTokenMs);
  }

  addTry(failed: boolean): void {
    this.tries++;
    if (failed) this.failedTries++;
  }

  row(): Omit<TrafficRow, "name"> {
    const { calls, errors, tries, failedTries } = this;
    return {
      calls,
      errors,
      tries,
      failedTries,
      totalMs: timesOf(this.#total),
      firstTokenMs: timesOf(this.#firstToken),
    };
  }
}

function timesOf(histogram: Histogram): Times {
  return { p50: histogram.at(0.5), p95: histogram.at(0.95) };
}
