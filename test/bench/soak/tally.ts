import { quantile } from "../statistics.ts";
import type { Outcome } from "./call.ts";
import type { CallPlan } from "./plan.ts";
import type { Route } from "./routes.ts";

/** What came of all calls of one class. */
interface Row {
  readonly name: string;
  readonly calls: number;
  readonly whole: number;
  /** Of the whole ones, those that took more than one try. */
  readonly cured: number;
  readonly refused: number;
  readonly errorEvents: number;
  readonly left: number;
  readonly letGo: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A call that went wrong. */
export interface Failure {
  readonly wrongs: readonly string[];
  readonly marker: string;
  readonly what: string;
  readonly excerpt: string;
}

export interface TallyResult {
  readonly rows: readonly Row[];
  /** What callers were told, by code, the most frequent first. */
  readonly codes: Readonly<Record<string, number>>;
  /** How often which failure was seen. */
  readonly wrongs: Readonly<Record<string, number>>;
  /** The first of them. */
  readonly failures: readonly Failure[];
  readonly replayed: number;
  /** Calls that nothing kept from being answered, and those of them that were not. */
  readonly calm: number;
  readonly calmUnanswered: number;
}

/** How many failures of one kind are told in full. */
const MOST_FAILURES = 5;

/** Routes on which a call without a fault may suffer from those of others: a circuit is open, or a key is left alone. */
const SUFFERING: readonly Route[] = ["shaky", "balanced"];

/** Counts what comes of calls. */
export class Tally {
  readonly #rows = new Map<string, { outcomes: Record<string, number>; cured: number; failed: number; ms: number[] }>();
  readonly #codes = new Map<string, number>();
  readonly #wrongs = new Map<string, number>();
  readonly #failures: Failure[] = [];
  #replayed = 0;
  #calm = 0;
  #calmUnanswered = 0;

  add(plan: CallPlan, { ending, code, wrongs, attempts, ms, replayed, excerpt }: Outcome): void {
    const row = this.#rows.get(classOf(plan)) ?? { outcomes: {}, cured: 0, failed: 0, ms: [] };
    this.#rows.set(classOf(plan), row);
    row.outcomes[ending] = (row.outcomes[ending] ?? 0) + 1;
    row.ms.push(ms);
    if (ending === "whole" && attempts > 1) row.cured++;
    if (code !== undefined) increase(this.#codes, code);
    if (replayed) this.#replayed++;
    if (!plan.fault && !SUFFERING.includes(plan.route) && ending !== "left" && ending !== "let go") {
      this.#calm++;
      if (ending !== "whole") this.#calmUnanswered++;
    }
    if (wrongs.length === 0) return;
    row.failed++;
    for (const wrong of wrongs) increase(this.#wrongs, wrong);
    const { marker, route, stream, habit, fault, reach } = plan;
    const struck = fault ? `${fault.directives} in ${reach}` : "no fault";
    const what = `${route}, ${stream ? "stream" : "completion"}, caller ${habit}, ${struck}; ended: ${ending}`;
    const alike = this.#failures.filter((failure) => failure.wrongs.join() === wrongs.join());
    if (alike.length < MOST_FAILURES) this.#failures.push({ wrongs, marker, what, excerpt });
  }

  get failed(): number {
    return Array.from(this.#rows.values(), ({ failed }) => failed).reduce((sum, failed) => sum + failed, 0);
  }

  get result(): TallyResult {
    const rows = Array.from(this.#rows, ([name, { outcomes, cured, failed, ms }]): Row => {
      ms.sort((a, b) => a - b);
      return {
        name,
        calls: ms.length,
        whole: outcomes.whole ?? 0,
        cured,
        refused: outcomes.refused ?? 0,
        errorEvents: outcomes["error event"] ?? 0,
        left: outcomes.left ?? 0,
        letGo: outcomes["let go"] ?? 0,
        failed,
        p50Ms: quantile(ms, 0.5),
        p99Ms: quantile(ms, 0.99),
      };
    }).sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      rows,
      codes: Object.fromEntries([...this.#codes].sort((a, b) => b[1] - a[1])),
      wrongs: Object.fromEntries(this.#wrongs),
      failures: this.#failures,
      replayed: this.#replayed,
      calm: this.#calm,
      calmUnanswered: this.#calmUnanswered,
    };
  }
}

function classOf({ stream, habit, fault }: CallPlan): string {
  if (habit !== "reads on") return `caller ${habit}`;
  if (fault) return `fault: ${fault.group}`;
  return stream ? "no fault, stream" : "no fault, completion";
}

function increase(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
