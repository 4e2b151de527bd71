import type { Rate } from "@gatewright/core";

/** What a count looks like, as a store says it. */
export interface Look {
  readonly remaining: number;
  readonly resetMs: number;
  readonly waitMs: number;
}

interface Entry {
  readonly at: number;
  readonly cost: number;
  /** In a settlement, the stretch that is settled. */
  readonly stretch: number | undefined;
}

/** Where the log leads to: what is used, and the stretch and the window in which that is so. */
interface Use {
  readonly used: number;
  readonly stretch: number;
  readonly windowAt: number;
}

/**
 * A count, kept in the plainest way: as all that was ever taken and given back. Whatever is asked of it is worked out
 * from the beginning, window by window. Exact where no number in it needs more digits than it has.
 */
export class Count {
  readonly rate: Rate;
  readonly #log: Entry[] = [];
  /** The last answer, until something is added. */
  #last: { readonly now: number; readonly use: Use } | undefined;

  constructor(rate: Rate) {
    this.rate = rate;
  }

  change(at: number, cost: number, stretch?: number): void {
    this.#log.push({ at, cost, stretch });
    this.#last = undefined;
  }

  /** Names the stretch that is counted in: for a settlement. */
  stretch(now: number): number {
    return this.#use(now).stretch;
  }

  /** What it looks like, and how long one waits for `cost`. */
  look(now: number, cost: number): Look {
    const use = this.#use(now);
    return {
      remaining: Math.floor(this.rate.capacity - use.used),
      resetMs: Math.ceil(this.#until(0, use, now)),
      waitMs: this.wait(now, cost),
    };
  }

  wait(now: number, cost: number): number {
    const { capacity } = this.rate;
    return cost > capacity ? Number.POSITIVE_INFINITY : Math.ceil(this.#until(capacity - cost, this.#use(now), now));
  }

  /** How long it takes until no more than `most` is used. */
  #until(most: number, { used, windowAt }: Use, now: number): number {
    const { kind, capacity, periodMs } = this.rate;
    if (used <= most) return 0;
    if (kind === "bucket") return ((used - most) * periodMs) / capacity;
    let windows = 0;
    for (let owed = used; owed > most; owed = Math.max(0, owed - capacity)) windows++;
    return windowAt + windows * periodMs - now;
  }

  #use(now: number): Use {
    if (this.#last?.now === now) return this.#last.use;
    let use: Use = { used: 0, stretch: 0, windowAt: 0 };
    for (const { at, cost, stretch } of this.#log) {
      use = this.#pass(use, at);
      const isOver = this.rate.kind === "window" && stretch !== undefined && stretch !== use.stretch;
      if (cost < 0 && isOver) continue;
      use = { ...use, used: Math.max(0, use.used + cost) };
    }
    use = this.#pass(use, now);
    this.#last = { now, use };
    return use;
  }

  #pass({ used, stretch, windowAt }: Use, now: number): Use {
    const { kind, capacity, periodMs } = this.rate;
    if (kind === "bucket") {
      return { used: Math.max(0, used - ((now - windowAt) * capacity) / periodMs), stretch: 0, windowAt: now };
    }
    let owed = used;
    let at = windowAt;
    while (owed > 0 && at + periodMs <= now) {
      owed -= capacity;
      at += periodMs;
    }
    return owed > 0 ? { used: owed, stretch, windowAt: at } : { used: 0, stretch: now, windowAt: now };
  }
}
