import type { Clock } from "./clock.ts";

const BUCKETS = 10;

/** Counts of two kinds of events within the last `windowMs` milliseconds, in steps of a tenth of it. */
export class Rolling {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #buckets: { step: number; first: number; second: number }[] = [];

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#stepMs = windowMs / BUCKETS;
  }

  add(first: number, second: number): void {
    const step = this.#step();
    const at = step % BUCKETS;
    const bucket = this.#buckets[at];
    if (bucket?.step === step) {
      bucket.first += first;
      bucket.second += second;
    } else this.#buckets[at] = { step, first, second };
  }

  get sums(): { readonly first: number; readonly second: number } {
    const oldest = this.#step() - BUCKETS;
    const sums = { first: 0, second: 0 };
    for (const bucket of this.#buckets) {
      if (!bucket || bucket.step <= oldest) continue;
      sums.first += bucket.first;
      sums.second += bucket.second;
    }
    return sums;
  }

  clear(): void {
    this.#buckets.length = 0;
  }

  #step(): number {
    return Math.floor(this.#clock.now() / this.#stepMs);
  }
}
