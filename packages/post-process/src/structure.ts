import { Comment } from "./comment.ts";
import { BREAKS_OFF, CUT_OFF, type Ending, UNCLEAR, Undecided, Unrepairable } from "./ending.ts";
import { closersOf, hasLineBreak, isFence, isHashComment, isQuote, isSpace, skipSpace, WORD } from "./look-ahead.ts";
import { looseKey } from "./loose-key.ts";
import type { Output } from "./output.ts";
import { plainValue } from "./plain-value.ts";
import type { Source } from "./source.ts";
import { StringText } from "./string-text.ts";

type Bracket = "{" | "[";

/** What may come next: a key, the colon behind it, its value, an item of a list, or what is behind a value. */
type Expected = "key" | "colon" | "value" | "item" | "after";

const CLOSING: Readonly<Record<Bracket, string>> = { "{": "}", "[": "]" };
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON knows these four as space
const JSON_SPACE = /[\u0020\u0009\u000a\u000d]+/y;

/** One object or list, repaired while it comes. */
export class Structure {
  readonly #source: Source;
  readonly #output: Output;
  readonly #maxDepth: number;
  readonly #open: Bracket[] = [];
  #expected: Expected = "item";
  #string: StringText | undefined;
  #comment: Comment | undefined;
  /** How the text ends, once that is known. */
  ending: Ending = "stop";

  constructor(source: Source, output: Output, maxDepth: number) {
    this.#source = source;
    this.#output = output;
    this.#maxDepth = maxDepth;
  }

  /** The brackets that are open, outermost first, and what is expected. */
  get place(): { readonly open: readonly Bracket[]; readonly expected: Expected } {
    return { open: this.#open, expected: this.#expected };
  }

  /** Opens with the bracket at the head of the source. */
  begin(): void {
    this.#openBracket(this.#source.at(0) === "{" ? "{" : "[");
  }

  /**
   * Deals with what comes next. Answers whether the value is complete. Throws `MORE` where too little has arrived,
   * `Undecided`, or `Unrepairable`.
   */
  step(): boolean {
    if (this.#comment) this.#stepComment(this.#comment);
    else if (this.#string) this.#stepString(this.#string);
    else this.#stepBetween();
    return this.#open.length === 0;
  }

  #stepString(string: StringText): void {
    if (!string.step(this.#source, this.#output, this.ending !== "stop")) return;
    this.#string = undefined;
    this.#expected = string.place === "key" ? "colon" : "after";
  }

  #stepBetween(): void {
    const source = this.#source;
    const space = source.takeRun(JSON_SPACE);
    if (space !== "") {
      this.#output.write(space);
      return;
    }
    const char = source.at(0);
    if (char === "") this.#finish();
    else if (isSpace(char)) {
      source.take(1);
      this.#fix("space", " ");
    } else if (char === "/" && (source.at(1) === "/" || source.at(1) === "*")) this.#beginComment(2);
    else if (isHashComment(source, 0)) this.#beginComment(1);
    else if (char === "." && source.at(1) === "." && source.at(2) === ".") this.#skip(3, "ellipsis");
    else if (char === "…") this.#skip(1, "ellipsis");
    else if (isFence(source, 0)) this.#fence();
    else if (this.#expected === "key") this.#key(char);
    else if (this.#expected === "colon") this.#colon(char);
    else if (this.#expected === "after") this.#after(char);
    else this.#valueOrItem(char, this.#expected);
  }

  #key(char: string): void {
    if (char === "}" || char === "]") this.#close(char);
    else if (char === ",") this.#skip(1, "comma");
    else if (isQuote(char)) this.#string = new StringText(this.#source, this.#output, "key");
    else if (char === "{" && this.#open.at(-2) === "[" && this.#output.hasComma) this.#closeUnderComma();
    else {
      const key = looseKey(this.#source, this.ending !== "stop");
      if (key === undefined) throw new Undecided();
      const isHalf = this.#source.at(key.length) === '"';
      this.#source.take(key.length + (isHalf ? 1 : 0));
      // One that goes on to the end of the text was cut: it is left out.
      if (this.#source.at(0) === "" && this.ending !== "stop") return;
      this.#fix(isHalf ? "missing quote" : "quotes", JSON.stringify(key));
      this.#expected = "colon";
    }
  }

  #colon(char: string): void {
    if (char === ":") this.#output.write(this.#source.take(1));
    else if (char === "=") {
      const length = this.#source.at(1) === ">" ? 2 : 1;
      this.#source.take(length);
      this.#fix("colon", ":");
    } else if (isQuote(char) || "{[-".includes(char) || WORD.test(char)) this.#fix("missing colon", ":");
    else throw new Unrepairable(UNCLEAR);
    this.#expected = "value";
  }

  #valueOrItem(char: string, place: "value" | "item"): void {
    if (place === "value" && (char === "," || char === "}")) {
      this.#output.release();
      this.#fix("missing value", "null");
      this.#expected = "after";
    } else if (place === "item" && (char === "]" || char === "}")) this.#close(char);
    else if (char === ",") this.#skip(1, "comma");
    else this.#value(char, place);
  }

  #after(char: string): void {
    if (char === "}" || char === "]") {
      this.#close(char);
      return;
    }
    if (char === "+" || char === "(") throw new Unrepairable("it holds code in place of a value");
    const isNext = isQuote(char) || char === "{" || char === "[" || char === "-" || WORD.test(char);
    if (char === ";") this.#output.fixes.add("comma");
    else if (char !== "," && !isNext) throw new Unrepairable(UNCLEAR);
    if (isNext) this.#output.fixes.add("missing comma");
    else this.#source.take(1);
    this.#output.hold();
    this.#output.write(",");
    this.#expected = this.#open.at(-1) === "{" ? "key" : "item";
  }

  #value(char: string, place: "value" | "item"): void {
    if (char === "{" || char === "[") {
      if (this.#open.length >= this.#maxDepth)
        throw new Unrepairable(`it is nested more than ${this.#maxDepth} levels deep`);
      this.#output.release();
      this.#openBracket(char);
    } else if (isQuote(char)) this.#beginString(place);
    else if (/[ubr]/.test(char) && closersOf(this.#source.at(1))?.length === 1) this.#skip(1, "quotes");
    else {
      const json = plainValue(this.#source, this.#output, this.ending, place);
      if (json === undefined) return;
      this.#output.release();
      this.#output.write(json);
      this.#expected = "after";
    }
  }

  #beginString(place: "value" | "item"): void {
    // Whether it opens with three quotes must be known before anything changes.
    if (this.#source.at(1) === '"') this.#source.at(2);
    this.#output.release();
    this.#string = new StringText(this.#source, this.#output, place);
  }

  #openBracket(bracket: Bracket): void {
    this.#source.take(1);
    this.#output.write(bracket);
    this.#open.push(bracket);
    this.#output.hold();
    this.#expected = bracket === "{" ? "key" : "item";
  }

  #close(char: string): void {
    const at = this.#open.findLastIndex((bracket) => CLOSING[bracket] === char);
    if (this.#output.hasComma) this.#output.fixes.add("trailing comma");
    this.#output.drop();
    this.#source.take(1);
    if (at === -1) this.#output.fixes.add("wrong bracket");
    while (this.#open.length - 1 > at && at !== -1) this.#closeMissing();
    this.#output.write(CLOSING[this.#open.pop() ?? "["]);
    this.#expected = "after";
  }

  /** An object of a list that was not closed before the next one begins: its comma belongs behind it. */
  #closeUnderComma(): void {
    this.#output.forget();
    this.#closeMissing();
    this.#output.hold();
    this.#output.write(",");
    this.#expected = "item";
  }

  #closeMissing(): void {
    this.#fix("missing bracket", CLOSING[this.#open.pop() ?? "["]);
  }

  /** The end of the text, or of the fence around it, with brackets open. */
  #finish(): void {
    const cut = this.ending !== "stop";
    if (this.ending === "refuse") throw new Unrepairable(CUT_OFF);
    if (!cut && (this.#expected === "colon" || this.#expected === "value")) throw new Unrepairable(BREAKS_OFF);
    if (cut) this.#output.fixes.add("truncated");
    else if (this.#output.hasComma) this.#output.fixes.add("trailing comma");
    if (this.#expected !== "after") this.#output.forget();
    while (this.#open.length > 0) {
      if (cut) this.#output.write(CLOSING[this.#open.pop() ?? "["]);
      else this.#closeMissing();
    }
  }

  #fix(what: string, text: string): void {
    this.#output.fixes.add(what);
    this.#output.write(text);
  }

  #skip(length: number, what: string): void {
    this.#source.take(length);
    this.#output.fixes.add(what);
  }

  #beginComment(length: number): void {
    this.#comment = new Comment(this.#source.at(1) === "*" && length === 2 ? "block" : "line");
    this.#skip(length, "comment");
  }

  #stepComment(comment: Comment): void {
    if (comment.step(this.#source, this.ending === "stop")) this.#comment = undefined;
  }

  /** Behind a value a fence is the end of the document; elsewhere only one that ends its line. */
  #fence(): void {
    let at = 3;
    while (this.#source.at(at) === "`" && at < 16) at++;
    const next = skipSpace(this.#source, at);
    const isEnd = this.#expected === "after" || this.#source.at(next) === "" || hasLineBreak(this.#source, at, next);
    if (!isEnd) throw new Unrepairable(UNCLEAR);
    this.#finish();
  }
}
