import { chaosFaults } from "./chaos.ts";
import type { Directives } from "./directives.ts";
import { seededRandom } from "./random.ts";
import { readDirectives, withoutFaults } from "./read-directives.ts";

/** How many model names with `times` are remembered; then the oldest starts again. */
const MAX_COUNTED = 10_000;

/** Decides, call by call, whether the faults of a call happen. Its memory and its dice are one simulator's own. */
export class FaultDecider {
  readonly #counts = new Map<string, number>();
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** The directives that hold for this call; `key` is what `times` counts calls of. */
  decide(directives: Directives, key: string, stream: boolean): Directives {
    const { times, chance, chaos } = directives;
    const inTime = times === undefined || this.#count(key) <= times;
    const byChance = chance === undefined || this.#random() < chance;
    const decided = inTime && byChance ? directives : withoutFaults(directives);
    if (chaos === undefined || this.#random() >= chaos) return decided;
    const faults = stream ? [...chaosFaults.any, ...chaosFaults.stream] : chaosFaults.any;
    const fault = faults[Math.floor(this.#random() * faults.length)] ?? "reset";
    return { ...decided, ...readDirectives(fault.split("+"), "model") };
  }

  #count(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined && this.#counts.size >= MAX_COUNTED && count === 1) this.#counts.delete(oldest);
    this.#counts.set(key, count);
    return count;
  }
}
