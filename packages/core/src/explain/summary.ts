import { attemptsOf } from "./attempts.ts";
import { Buckets, type Series } from "./buckets.ts";
import { Distinct, type DistinctCount } from "./distinct.ts";
import { type Entry, isError } from "./entry.ts";
import { type FailureRow, Failures, type Grouping } from "./failures.ts";
import { listOf, textOf } from "./fields.ts";
import { Groups } from "./groups.ts";
import { Totals, type TotalsReport } from "./totals.ts";
import { Traffic, type TrafficRow } from "./traffic.ts";

/** A limit that refused calls. */
interface RefusalRow {
  /** The layer and the limit's name. */
  readonly name: string;
  readonly refused: number;
  readonly callers: DistinctCount;
}

/** What is in a log, summed up. */
export interface SummaryReport {
  readonly totals: TotalsReport;
  readonly by: Grouping;
  readonly failures: readonly FailureRow[];
  readonly providers: readonly TrafficRow[];
  readonly models: readonly TrafficRow[];
  readonly refusals: readonly RefusalRow[];
  readonly overTime: Series | undefined;
}

const MOST_LIMITS = 100;

/** Sums up the records of a log one by one, in bounded memory. */
export class Summary {
  readonly #by: Grouping;
  readonly #totals = new Totals();
  readonly #failures: Failures;
  readonly #providers: Groups<Traffic> = new Groups(() => new Traffic());
  readonly #models: Groups<Traffic> = new Groups(() => new Traffic());
  readonly #refusals: Groups<{ refused: number; readonly callers: Distinct }> = new Groups(
    () => ({ refused: 0, callers: new Distinct() }),
    MOST_LIMITS,
  );
  readonly #buckets = new Buckets();

  constructor(by: Grouping) {
    this.#by = by;
    this.#failures = new Failures(by);
  }

  add(entry: Entry): void {
    this.#totals.add(entry);
    this.#failures.add(entry);
    this.#models.of(entry.model ?? "(none)").add(entry);
    this.#providers.of(entry.provider ?? "(none)").add(entry);
    for (const { provider, code } of attemptsOf(entry.fields)) this.#providers.of(provider).addTry(code !== undefined);
    for (const { layer, name, allowed, dry_run } of listOf(entry.fields.limits, MOST_LIMITS)) {
      if (allowed !== false || dry_run === true) continue;
      const refusal = this.#refusals.of(`${textOf(layer) ?? "?"}: ${textOf(name) ?? "?"}`);
      refusal.refused++;
      refusal.callers.add(entry.caller);
    }
    if (entry.timeMs !== undefined) this.#buckets.add(entry.timeMs, isError(entry));
  }

  /** What there is so far; the time in at most so many steps. */
  report(steps: number): SummaryReport {
    return {
      totals: this.#totals.report(),
      by: this.#by,
      failures: this.#failures.rows(),
      providers: trafficRows(this.#providers),
      models: trafficRows(this.#models),
      refusals: this.#refusals
        .ranked(({ refused }) => refused)
        .map(([name, { refused, callers }]) => ({ name, refused, callers: callers.count() })),
      overTime: this.#buckets.series(steps),
    };
  }
}

function trafficRows(groups: Groups<Traffic>): TrafficRow[] {
  return groups.ranked(({ calls }) => calls).map(([name, traffic]) => ({ name, ...traffic.row() }));
}
