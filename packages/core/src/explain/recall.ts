import type { Entry } from "./entry.ts";
import type { Neighbour } from "./nearby.ts";

/** How many records are remembered of what can be read only once. */
const MOST = 100_000;

/** The last records that were read, in short. */
export class Recall {
  readonly #kept: Neighbour[] = [];
  readonly #most: number;
  #next = 0;
  #forgottenMs = Number.NEGATIVE_INFINITY;

  constructor(most: number = MOST) {
    this.#most = most;
  }

  add({ id, timeMs, outcome, kind, code, caller, model, provider, totalMs, firstTokenMs }: Entry): void {
    const short: Neighbour = { id, timeMs, outcome, kind, code, caller, model, provider, totalMs, firstTokenMs };
    if (this.#kept.length < this.#most) {
      this.#kept.push(short);
      return;
    }
    this.#forgottenMs = Math.max(this.#forgottenMs, this.#kept[this.#next]?.timeMs ?? this.#forgottenMs);
    this.#kept[this.#next] = short;
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Whether one of this time or later was forgotten. */
  hasForgotten(sinceMs: number): boolean {
    return this.#forgottenMs >= sinceMs;
  }

  /** Those that are kept; in any order. */
  kept(): readonly Neighbour[] {
    return this.#kept;
  }
}
