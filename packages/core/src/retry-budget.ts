import type { Clock } from "./clock.ts";
import { numberIn } from "./options.ts";
import { Recent } from "./recent.ts";
import { Rolling } from "./rolling.ts";

/** How much extra load tries beyond the first may put on a target. */
export interface RetryBudgetOptions {
  /** The share of the calls of the last ten seconds that may be tried again; default 0.2. */
  readonly share?: number;
  /** How many a second are allowed in any case, so that a quiet service may retry at all; default 2. */
  readonly perSecond?: number;
}

const WINDOW_MS = 10_000;

/** Budgets by target, shared by all calls. */
export class RetryBudget {
  readonly #share: number;
  readonly #floor: number;
  readonly #targets: Recent<Rolling<"call" | "retry">>;

  constructor(part: string, { share = 0.2, perSecond = 2 }: RetryBudgetOptions, clock: Clock) {
    this.#share = numberIn(part, "budget.share", share, 0, 1);
    this.#floor = (numberIn(part, "budget.perSecond", perSecond, 0, 1000) * WINDOW_MS) / 1000;
    this.#targets = new Recent(() => new Rolling(clock, WINDOW_MS));
  }

  /** Counts a call. */
  called(target: string): void {
    this.#targets.get(target).add("call");
  }

  /** Takes one more try of a target, where the budget has one left. */
  take(target: string): boolean {
    const counts = this.#targets.get(target);
    if (counts.count("retry") + 1 > counts.count("call") * this.#share + this.#floor) return false;
    counts.add("retry");
    return true;
  }
}
