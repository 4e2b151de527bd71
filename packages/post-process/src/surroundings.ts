import { Behind } from "./behind.ts";
import { Unrepairable } from "./ending.ts";
import { isSpace, skipSpace } from "./look-ahead.ts";
import type { Output } from "./output.ts";
import { beginsJson, fenceAt, isEncodedQuote } from "./prose.ts";
import type { Source } from "./source.ts";

// What in prose needs no look.
const PROSE = /[^{}[\]",;`~\n]+/y;
const SPACE = /[ \t\r\n]+/y;

/** What stands around the one JSON value of a text: prose and code fences. */
export class Surroundings {
  readonly #source: Source;
  readonly #output: Output;
  readonly #watch: Behind = new Behind();
  #fence: string | undefined;
  /** Whether what is inside of the fence may be JSON. */
  #foreign = false;
  #startsLine = true;
  /** Whether nothing has come yet but space and the opening of a fence. */
  #fresh = true;
  #behind = false;
  /** Whether something was taken off: then the spaces beside it go as well. */
  #taken = false;
  #space = "";

  constructor(source: Source, output: Output) {
    this.#source = source;
    this.#output = output;
  }

  /** Whether nothing of weight was seen yet. */
  get fresh(): boolean {
    return this.#fresh && this.#fence === undefined;
  }

  /** The value is complete: from here on, what comes is behind it. */
  leaveValue(): void {
    this.#behind = true;
    this.#startsLine = false;
    this.#watch.begin(this.#output.fixes);
  }

  /** Deals with what comes next. Answers whether the value begins. Throws `Unrepairable` at a second one. */
  step(): boolean {
    const source = this.#source;
    const space = source.takeRun(SPACE);
    if (space !== "") {
      if (!this.#taken) this.#space += space;
      if (space.includes("\n")) this.#startsLine = true;
      return false;
    }
    const char = source.at(0);
    if (char === "") {
      if (this.#behind) this.leaveSpace();
      return false;
    }
    const fence = fenceAt(source, this.#fence !== undefined);
    if (fence && (this.#fence === undefined || this.#fence === char)) this.#turn(char, fence);
    else if ((char === "{" || char === "[") && !this.#foreign && this.#isValue(char)) return this.#enter();
    else this.#prose(char);
    return false;
  }

  #turn(mark: string, { length, mayHoldJson }: { readonly length: number; readonly mayHoldJson: boolean }): void {
    this.#source.take(length);
    this.#watch.turn();
    this.#output.fixes.add("code fence");
    this.#taken = true;
    const opens = this.#fence === undefined;
    this.#fence = opens ? mark : undefined;
    this.#foreign = opens && !mayHoldJson;
    this.#startsLine = true;
    if (!this.#behind) this.#fresh = opens && mayHoldJson;
  }

  #isValue(char: string): boolean {
    return (this.#fresh && char === "{") || beginsJson(this.#source, this.#startsLine);
  }

  #enter(): true {
    if (this.#behind) throw new Unrepairable("it holds more than one JSON value");
    const at = skipSpace(this.#source, 1);
    if (isEncodedQuote(this.#source, at)) {
      const encoding = this.#source.at(at) === "&" ? "HTML entities" : "escaped text";
      this.#source.unwrap(encoding);
      this.#output.fixes.add(encoding);
    }
    this.leaveSpace();
    return true;
  }

  /** The spaces that were seen belong to the document, unless something beside them was taken off. */
  leaveSpace(): void {
    if (!this.#taken) this.#output.write(this.#space);
    this.#space = "";
  }

  #prose(char: string): void {
    const source = this.#source;
    const isMark = char === "\uFEFF" || isSpace(char);
    const isExtra = !isMark && !this.#foreign && this.#watch.see(char, source);
    // Spaces go with what is beside them.
    if (!(isMark && this.#taken)) this.#output.fixes.add(isExtra ? "extra bracket" : isMark ? "space" : "prose around");
    this.#taken ||= !isMark;
    if (isExtra || isMark || source.takeRun(PROSE) === "") source.take(1);
    if (isMark) return;
    this.#startsLine = false;
    this.#fresh = false;
  }
}
