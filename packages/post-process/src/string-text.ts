import { BREAKS_OFF, Unrepairable } from "./ending.ts";
import { closersOf, isQuote, isSpace, skipSpace } from "./look-ahead.ts";
import { NestedText } from "./nested-text.ts";
import { isPastEnd, type Place } from "./next-up.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";
import { endsString, UNCLEAR_QUOTES } from "./string-end.ts";
import { control, escapeSpaces, writeEscape } from "./string-write.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a JSON string cannot hold
const PLAIN = /[^"'`“”„‘’\\,}\]\u0000-\u001f]+/y;

/** How much of a string's beginning is kept, which may show that JSON is nested in it, and how far a look at brackets reaches. */
const REACH = 64;

/** One string of the document, between its quotes. */
export class StringText {
  readonly place: Place;
  readonly #closers: string;
  readonly #triple: boolean;
  #empty = true;
  #doubtful = false;
  /** Whether it holds what would end a key, or an item: a colon or a comma, or a comma. */
  #pastEnd = false;
  /** How many brackets of a kind it has opened and not closed. */
  readonly #open = { "{": 0, "[": 0 };
  #head: string | undefined = "";
  #nested: NestedText | undefined;

  /** Takes the opening quote off the source. */
  constructor(source: Source, output: Output, place: Place) {
    this.place = place;
    const quote = source.at(0);
    this.#triple = quote === '"' && source.at(1) === '"' && source.at(2) === '"';
    if (quote !== '"' || this.#triple) output.fixes.add("quotes");
    this.#closers = closersOf(quote) ?? quote;
    source.take(this.#triple ? 3 : 1);
    output.write('"');
  }

  /** Passes the next of the text on. Answers whether the string has ended. `cut`: the document is known to break off. */
  step(source: Source, output: Output, cut: boolean): boolean {
    const run = source.takeRun(PLAIN);
    if (run !== "") {
      this.#see(run);
      output.write(run);
      return false;
    }
    const char = source.at(0);
    if (char === "") return this.#atEnd(output, cut);
    if (this.#nested) return this.#stepNested(char, source, output);
    if (isQuote(char)) return this.#quote(char, source, output);
    if (char === "\\") writeEscape(source, output, cut);
    else if (char === "}" || char === "]") return this.#brackets(source, output, cut);
    else {
      if ((char === "," || char === "\n") && this.#isUnclosed(source, cut)) return this.#unclosed(output);
      const text = source.take(char === "\n" ? skipSpace(source, 1) : 1);
      output.write(escapeSpaces(text, output));
      this.#see(text);
      return false;
    }
    this.#see(char);
    return false;
  }

  /** Takes note of what the string holds. */
  #see(text: string): void {
    this.#empty = false;
    if (this.#nested) {
      this.#nested.see(text, false);
      return;
    }
    const { length } = text;
    if (this.#head !== undefined) this.#head = this.#head.length + length < REACH ? this.#head + text : undefined;
    if (text === "," || (this.place === "key" && text.includes(":"))) this.#pastEnd = true;
    else if (/[{[]/.test(text)) for (const char of text) if (char === "{" || char === "[") this.#open[char]++;
  }

  #quote(char: string, source: Source, output: Output): boolean {
    if (this.#closers.includes(char)) {
      if (this.#isEnd(source)) {
        if (char !== '"') output.fixes.add("quotes");
        source.take(this.#triple ? 3 : 1);
        output.write('"');
        return true;
      }
      if (!this.#triple) this.#doubt();
      if (char === '"') output.fixes.add("quote in a string");
    }
    this.#takeQuote(char, source, output);
    return false;
  }

  #isEnd(source: Source): boolean {
    if (this.#triple) return source.at(1) === '"' && source.at(2) === '"' && source.at(3) !== '"';
    const open = this.#opened;
    return endsString(source, { place: this.place, empty: this.#empty, doubtful: this.#doubtful, open });
  }

  /** The brackets that the string opens and does not close. */
  get #opened(): string {
    return `${this.#open["{"] > 0 ? "{" : ""}${this.#open["["] > 0 ? "[" : ""}`;
  }

  /** A quote belongs to the text. */
  #doubt(): void {
    // What looks like the end of a key came before: then it lacks a quote, and the next key would be part of it.
    if (this.#pastEnd && this.place === "key") throw new Unrepairable(UNCLEAR_QUOTES);
    if (this.#head !== undefined && this.place !== "key") this.#nested = NestedText.begin(this.#head);
    this.#doubtful = true;
    this.#nested?.see("", true);
  }

  #takeQuote(char: string, source: Source, output: Output): void {
    source.take(1);
    output.write(char === '"' ? '\\"' : char);
    this.#empty = false;
    this.#head = undefined;
  }

  #stepNested(char: string, source: Source, output: Output): boolean {
    // Whether a backslash belongs to the outer or to the inner string is not known.
    if (char === "\\") throw new Unrepairable(UNCLEAR_QUOTES);
    if (isQuote(char)) {
      if (this.#closers.includes(char)) this.#nested?.see("", true);
      this.#takeQuote(char, source, output);
      return false;
    }
    source.take(1);
    output.write(char < " " ? control(char, output) : char);
    if (this.#nested?.see(char, false)) return false;
    this.#nested = undefined;
    this.#open["{"] = 0;
    this.#open["["] = 0;
    return false;
  }

  /** Whether the string lacks its closing quote before the comma or line break at the head of the source. */
  #isUnclosed(source: Source, cut: boolean): boolean {
    if (this.place === "key" || this.#triple || NestedText.begin(this.#head ?? "")) return false;
    if (!isPastEnd(source, this.place, this.#closers)) {
      // Of brackets in a line of their own at the end of the text, that line is not part of the string either.
      if (cut || this.#doubtful || this.#opened !== "" || source.at(0) !== "\n") return false;
      const length = closingRun(source);
      return length < REACH && source.at(length) === "" && /[}\]]/.test(source.look(length));
    }
    if (this.#doubtful || this.#opened !== "" || this.place === "item") throw new Unrepairable(UNCLEAR_QUOTES);
    return true;
  }

  /** Brackets at the end of the whole text belong to the document: then only the quote is missing. */
  #brackets(source: Source, output: Output, cut: boolean): boolean {
    const length = closingRun(source);
    if (length < REACH && source.at(length) === "" && !cut && this.place !== "key") {
      const isOwn = this.#opened.includes(source.at(0) === "}" ? "{" : "[");
      if (this.#doubtful || this.#triple || isOwn) throw new Unrepairable(BREAKS_OFF);
      if (this.#empty || (this.#pastEnd && this.place === "item")) throw new Unrepairable(UNCLEAR_QUOTES);
      return this.#unclosed(output);
    }
    const text = source.take(length);
    for (const char of text) {
      if (char === "}" && this.#open["{"] > 0) this.#open["{"]--;
      if (char === "]" && this.#open["["] > 0) this.#open["["]--;
    }
    output.write(escapeSpaces(text, output));
    this.#empty = false;
    this.#head = undefined;
    return false;
  }

  #unclosed(output: Output): true {
    output.fixes.add("missing quote");
    output.write('"');
    return true;
  }

  #atEnd(output: Output, cut: boolean): true {
    if (!cut) throw new Unrepairable(BREAKS_OFF);
    output.write('"');
    return true;
  }
}

/** How many closing brackets and spaces come at the head of the source, as far as a look reaches. */
function closingRun(source: Source): number {
  let at = 0;
  while (at < REACH && (isSpace(source.at(at)) || "}]".includes(source.at(at) || "."))) at++;
  return at;
}
