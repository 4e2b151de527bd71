import { OTHER } from "./conventions.ts";
import { shownName } from "./shown.ts";

/** How many names are told apart. */
const MOST = 200;

/**
 * Names that callers choose, as values of metrics. Each one makes series that stay, so only a limited number is told apart, and
 * only such as have been of use; all others are `_OTHER`.
 */
export class Names {
  readonly #known = new Set<string>();

  /**
   * Tells a name apart from now on, where there is room. What has not answered yet gets at most half of it, so that a
   * bad day with made-up names leaves places for real ones.
   */
  admit(name: string, hasAnswered: boolean): void {
    if (this.#known.size < (hasAnswered ? MOST : MOST / 2)) this.#known.add(name);
  }

  /** What stands for a name in a metric. */
  of(name: string): string {
    return this.#known.has(name) ? shownName(name) : OTHER;
  }

  has(name: string): boolean {
    return this.#known.has(name);
  }
}
