import { Distinct, type DistinctCount } from "./distinct.ts";
import { type Entry, isError } from "./entry.ts";
import { Groups } from "./groups.ts";

/** What failures can be grouped by. */
export const GROUPINGS = ["class", "code", "provider", "model", "caller", "status"] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** The failures of one group. */
export interface FailureRow {
  readonly name: string;
  /** All calls of the group, whatever became of them. */
  readonly calls: number;
  /** Those that failed; grouped by class or code also those whose caller went away. */
  readonly failed: number;
  /** Who is touched. */
  readonly callers: DistinctCount;
  /** How many of the failed may be sent again as they are. */
  readonly retryable: number;
  /** The code that most of them have. */
  readonly code: string | undefined;
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
}

const KEYS: Readonly<Record<Grouping, (entry: Entry) => string | undefined>> = {
  class: ({ kind }) => kind,
  code: ({ code, kind }) => code ?? (kind === "unknown" ? undefined : kind),
  provider: ({ provider }) => provider,
  model: ({ model }) => model,
  caller: ({ caller }) => caller,
  status: ({ status }) => status?.toString(),
};

/** Groups failures, in bounded memory. */
export class Failures {
  readonly #counts: (entry: Entry) => boolean;
  readonly #key: (entry: Entry) => string | undefined;
  readonly #groups: Groups<FailureGroup> = new Groups(() => new FailureGroup());

  constructor(by: Grouping) {
    this.#key = KEYS[by];
    this.#counts = by === "class" || by === "code" ? ({ kind }) => kind !== "completed" : isError;
  }

  add(entry: Entry): void {
    const group = this.#groups.of(this.#key(entry) ?? "(none)");
    group.calls++;
    if (this.#counts(entry)) group.add(entry);
  }

  /** The groups in which something failed, the largest first. */
  rows(): FailureRow[] {
    return this.#groups
      .ranked(({ failed }) => failed)
      .filter(([, { failed }]) => failed > 0)
      .map(([name, group]) => ({ name, ...group.row() }));
  }
}

/** More than there are. */
const MOST_CODES = 100;

class FailureGroup {
  calls = 0;
  failed = 0;
  #retryable = 0;
  #firstMs: number | undefined;
  #lastMs: number | undefined;
  readonly #callers = new Distinct();
  readonly #codes: Groups<{ count: number }> = new Groups(() => ({ count: 0 }), MOST_CODES);

  add({ caller, code, retryable, timeMs }: Entry): void {
    this.failed++;
    if (retryable) this.#retryable++;
    this.#callers.add(caller);
    if (code !== undefined) this.#codes.of(code).count++;
    if (timeMs === undefined) return;
    this.#firstMs = Math.min(this.#firstMs ?? timeMs, timeMs);
    this.#lastMs = Math.max(this.#lastMs ?? timeMs, timeMs);
  }

  row(): Omit<FailureRow, "name"> {
    const [commonest] = this.#codes.ranked(({ count }) => count);
    return {
      calls: this.calls,
      failed: this.failed,
      callers: this.#callers.count(),
      retryable: this.#retryable,
      code: commonest?.[0],
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
    };
  }
}
