import { count } from "./numbers.ts";

/** How many different names are told apart. */
const MOST = 250;

/** How many different names there are; `more` where they are not told apart any further. */
export interface DistinctCount {
  readonly count: number;
  readonly more: boolean;
}

/** Counts different names, up to a bound. */
export class Distinct {
  readonly #seen = new Set<string>();

  add(name: string | undefined): void {
    if (name !== undefined && this.#seen.size <= MOST) this.#seen.add(name);
  }

  count(): DistinctCount {
    return { count: Math.min(this.#seen.size, MOST), more: this.#seen.size > MOST };
  }
}

/** `12`, or `250+`. */
export function distinctText({ count: names, more }: DistinctCount): string {
  return more ? `${count(names)}+` : count(names);
}
