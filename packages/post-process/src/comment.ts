import { BREAKS_OFF, Unrepairable } from "./ending.ts";
import type { Source } from "./source.ts";

/** What of a comment may be JSON that lacks its line break. */
const HOLDS_JSON = /["'{}[\]:]/;

/** A comment between values, behind its mark. */
export class Comment {
  readonly #kind: "line" | "block";
  #holdsJson = false;

  constructor(kind: "line" | "block") {
    this.#kind = kind;
  }

  /**
   * Takes more of it. Answers whether it is over. Throws `Unrepairable` where it goes on to the end of a text that is
   * complete, and took more along than words.
   */
  step(source: Source, complete: boolean): boolean {
    const run = source.takeRun(this.#kind === "line" ? /[^\n]+/y : /[^*]+/y);
    this.#holdsJson ||= HOLDS_JSON.test(run);
    const char = source.at(0);
    if (char === "" && complete && (this.#kind === "block" || this.#holdsJson)) throw new Unrepairable(BREAKS_OFF);
    if (char === "" || this.#kind === "line") return true;
    if (source.at(1) !== "/") {
      source.take(1);
      return false;
    }
    source.take(2);
    return true;
  }
}
