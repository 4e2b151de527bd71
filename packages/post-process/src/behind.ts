import { Unrepairable } from "./ending.ts";
import { behindQuoted, isPlainBefore, isQuote, isWordKey, skipSpace } from "./look-ahead.ts";
import type { Source } from "./source.ts";

/** Fixes by which a value may have ended too early. */
const DOUBTS = ["quote in a string", "missing quote", "wrong bracket"];

/**
 * Watches what stands behind the value of a text, and before it, for the rest of a value that ended too early: only a part
 * would be left. What is behind a code fence is not watched.
 */
export class Behind {
  /** How many brackets are open that no value has. */
  #open = 0;
  #doubtful = false;
  /** Whether nothing came behind the value yet but brackets, commas and spaces; undefined before it. */
  #atEdge: boolean | undefined;
  #comma = false;
  #over = false;

  /** The value is complete, after these fixes. */
  begin(fixes: ReadonlySet<string>): void {
    this.#atEdge = true;
    this.#doubtful = DOUBTS.some((fix) => fixes.has(fix));
  }

  /** A fence opens or closes. */
  turn(): void {
    this.#open = 0;
    this.#over = this.#atEdge !== undefined;
  }

  /** Sees the character at the head of the source. Answers whether it is a bracket too many. Throws `Unrepairable`. */
  see(char: string, source: Source): boolean {
    if (this.#over) return false;
    if (this.#atEdge === undefined) {
      this.#count(char);
      return false;
    }
    const isClosing = char === "}" || char === "]";
    if (this.#doubtful && (isClosing || char === '"')) throw new Unrepairable(GOES_ON);
    if (this.#atEdge && isClosing) {
      this.#comma = true;
      return true;
    }
    if (this.#atEdge && (char === "," || char === ";")) {
      const next = source.at(skipSpace(source, 1));
      if (isQuote(next) || next === "{" || next === "[") throw new Unrepairable(GOES_ON);
      this.#comma = true;
    } else {
      if (this.#atEdge && this.#goesOn(char, source)) throw new Unrepairable(GOES_ON);
      this.#atEdge = false;
      if (isClosing && this.#open === 0) throw new Unrepairable(GOES_ON);
      this.#count(char);
    }
    return false;
  }

  #goesOn(char: string, source: Source): boolean {
    if (isQuote(char)) {
      const next = behindQuoted(source, 0) || " ";
      return ":=,]}".includes(next);
    }
    if (!this.#comma) return false;
    return isWordKey(source, 0) || isPlainBefore(source, 0, ",]}");
  }

  #count(char: string): void {
    if (char === "{" || char === "[") this.#open++;
    else if ((char === "}" || char === "]") && this.#open > 0) this.#open--;
  }
}

const GOES_ON = "it goes on behind its JSON value";
