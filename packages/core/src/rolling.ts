import type { Clock } from "./clock.ts";

const BUCKETS = 10;

/** Counts of events by their kind within the last `windowMs` milliseconds, in steps of a tenth of it. */
export class Rolling<Kind extends string> {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #buckets: { step: number; readonly counts: Map<Kind, number> }[] = [];

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#stepMs = windowMs / BUCKETS;
  }

  add(kind: Kind): void {
    const step = this.#step();
    const at = step % BUCKETS;
    let bucket = this.#buckets[at];
    if (bucket?.step !== step) {
      bucket = { step, counts: new Map() };
      this.#buckets[at] = bucket;
    }
    bucket.counts.set(kind, (bucket.counts.get(kind) ?? 0) + 1);
  }

  count(kind: Kind): number {
    const oldest = this.#step() - BUCKETS;
    let sum = 0;
    for (const bucket of this.#buckets) {
      if (bucket && bucket.step > oldest) sum += bucket.counts.get(kind) ?? 0;
    }
    return sum;
  }

  clear(): void {
    this.#buckets.length = 0;
  }

  #step(): number {
    return Math.floor(this.#clock.now() / this.#stepMs);
  }
}
