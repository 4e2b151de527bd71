import type { Circuit } from "@gatewright/core";
import { OTHER } from "./conventions.ts";
import { shownName } from "./shown.ts";

/** How many circuits are told apart. */
const MOST = 200;

const STATES: Readonly<Record<Circuit["state"], number>> = { closed: 0, "half-open": 1, open: 2 };

/** The circuits that have ever changed, and what they are now. Those past the first 200 have no state of their own. */
export class Circuits {
  readonly #states = new Map<string, number>();

  /** Notes what a circuit has become, and answers what stands for its target in a metric. */
  changed({ target, state }: Circuit): string {
    const name = shownName(target);
    if (!this.#states.has(name) && this.#states.size >= MOST) return OTHER;
    this.#states.set(name, STATES[state]);
    return name;
  }

  states(): Iterable<readonly [target: string, state: number]> {
    return this.#states;
  }
}
