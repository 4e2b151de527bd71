import { attemptsOf, hasFailed } from "./attempts.ts";
import { Buckets, type Series } from "./buckets.ts";
import { Distinct, type DistinctCount } from "./distinct.ts";
import { type Entry, isError } from "./entry.ts";
import { type FailureRow, Failures, type Grouping } from "./failures.ts";
import { listOf, textOf } from "./fields.ts";
import { Groups } from "./groups.ts";
import { lacksCompleted } from "./log-level.ts";
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
  /** Where the gateways ran: the environments that records name. */
  readonly environments: readonly string[];
  /** Sources with several records, of which none completed: their log may leave out those that did. */
  readonly noneCompleted: readonly string[];
}

const MOST_LIMITS = 100;
const MOST_ENVIRONMENTS = 20;
const MOST_SOURCES = 100;

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
  readonly #environments: Groups<{ calls: number }> = new Groups(() => ({ calls: 0 }), MOST_ENVIRONMENTS);
  readonly #sources: Groups<{ calls: number; completed: number }> = new Groups(
    () => ({ calls: 0, completed: 0 }),
    MOST_SOURCES,
  );
  readonly #buckets = new Buckets();

  constructor(by: Grouping) {
    this.#by = by;
    this.#failures = new Failures(by);
  }

  add(entry: Entry, source: string): void {
    const from = this.#sources.of(source);
    from.calls++;
    if (entry.outcome === "completed") from.completed++;
    const environment = textOf(entry.fields.environment);
    if (environment !== undefined) this.#environments.of(environment).calls++;
    this.#totals.add(entry);
    this.#failures.add(entry);
    this.#models.of(entry.model ?? "(none)").add(entry);
    this.#providers.of(entry.provider ?? "(none)").add(entry);
    for (const attempt of attemptsOf(entry.fields)) this.#providers.of(attempt.provider).addTry(hasFailed(attempt));
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
      environments: this.#environments.ranked(({ calls }) => calls).map(([name]) => name),
      noneCompleted: this.#sources
        .ranked(({ calls }) => calls)
        .filter(([, { calls, completed }]) => lacksCompleted(calls, completed))
        .map(([name]) => name),
      overTime: this.#buckets.series(steps),
    };
  }
}

function trafficRows(groups: Groups<Traffic>): TrafficRow[] {
  return groups.ranked(({ calls }) => calls).map(([name, traffic]) => ({ name, ...traffic.row() }));
}
