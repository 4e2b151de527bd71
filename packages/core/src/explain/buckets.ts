/** What began within one step of time. */
interface Bucket {
  readonly calls: number;
  readonly errors: number;
}

/** A stretch of time in steps of one length; every step has a bucket, in order. */
export interface Series {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly buckets: readonly Bucket[];
}

const [S, M, H, D] = [1000, 60_000, 3_600_000, 86_400_000];
/** Each divides the next, so that buckets can be put together. */
const KEPT_STEPS: readonly number[] = [S, 5 * S, 15 * S, M, 5 * M, 15 * M, H, 3 * H, 12 * H, D, 7 * D, 28 * D, 364 * D];
const SHOWN_STEPS: readonly number[] = [
  ...[S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M],
  ...[H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 7 * D, 14 * D, 28 * D, 56 * D, 364 * D, 3640 * D],
];
const MOST_KEPT = 4000;

/** Counts calls over a time that is not known beforehand, in a bounded number of buckets: their step grows as need be. */
export class Buckets {
  #counts = new Map<number, { calls: number; errors: number }>();
  #step = 0;

  add(ms: number, isError: boolean): void {
    this.#count(ms, 1, isError ? 1 : 0);
    // The longest step has no more buckets than there are years.
    while (this.#counts.size > MOST_KEPT) this.#widen();
  }

  #stepMs(): number {
    return KEPT_STEPS[this.#step] ?? 364 * D;
  }

  #count(ms: number, calls: number, errors: number): void {
    const at = Math.floor(ms / this.#stepMs());
    const bucket = this.#counts.get(at);
    if (bucket) {
      bucket.calls += calls;
      bucket.errors += errors;
    } else this.#counts.set(at, { calls, errors });
  }

  #widen(): void {
    const [old, oldMs] = [this.#counts, this.#stepMs()];
    this.#counts = new Map();
    this.#step++;
    for (const [at, { calls, errors }] of old) this.#count(at * oldMs, calls, errors);
  }

  /** All that was counted, in at most `most` steps; `undefined` where nothing was. */
  series(most: number): Series | undefined {
    if (this.#counts.size === 0) return undefined;
    const kept = this.#stepMs();
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const at of this.#counts.keys()) {
      first = Math.min(first, at * kept);
      last = Math.max(last, at * kept);
    }
    const stepMs = SHOWN_STEPS.find((step) => step % kept === 0 && steps(first, last, step) <= most) ?? 3640 * D;
    const from = Math.floor(first / stepMs);
    const buckets = Array.from({ length: steps(first, last, stepMs) }, () => ({ calls: 0, errors: 0 }));
    for (const [at, { calls, errors }] of this.#counts) {
      const bucket = buckets[Math.floor((at * kept) / stepMs) - from];
      if (!bucket) continue;
      bucket.calls += calls;
      bucket.errors += errors;
    }
    return { fromMs: from * stepMs, stepMs, buckets };
  }
}

function steps(firstMs: number, lastMs: number, stepMs: number): number {
  return Math.floor(lastMs / stepMs) - Math.floor(firstMs / stepMs) + 1;
}
