import { BREAKS_OFF, Unrepairable } from "./ending.ts";
import { closersOf, isQuote } from "./look-ahead.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";
import { closingRun, endsString, endsUnclosed, type Place } from "./string-end.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a JSON string cannot hold
const PLAIN = /[^"'`“”„‘’\\,}\]\u0000-\u001f]+/y;
const UNICODE = /^[\da-fA-F]$/;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f" };

/** One string of the document, between its quotes. */
export class StringText {
  readonly place: Place;
  readonly #closers: string;
  readonly #triple: boolean;
  #empty = true;
  /** Whether it holds a quote that its author did not escape: then a missing one is no more certain. */
  #doubtful = false;

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
      output.write(run);
      this.#empty = false;
      return false;
    }
    const char = source.at(0);
    if (char === "") return this.#atEnd(output, cut);
    if (isQuote(char)) return this.#quote(char, source, output);
    if (char === "\\") this.#escape(source, output, cut);
    else if (char === "}" || char === "]") return this.#brackets(source, output, cut);
    else {
      if ((char === "," || char === "\n") && this.place === "value" && endsUnclosed(source))
        return this.#unclosed(output);
      source.take(1);
      output.write(char < " " ? control(char, output) : char);
    }
    this.#empty = false;
    return false;
  }

  #quote(char: string, source: Source, output: Output): boolean {
    if (this.#closers.includes(char)) {
      const ends = this.#triple
        ? source.at(1) === '"' && source.at(2) === '"' && source.at(3) !== '"'
        : endsString(source, this.place, this.#empty);
      if (ends) {
        if (char !== '"') output.fixes.add("quotes");
        source.take(this.#triple ? 3 : 1);
        output.write('"');
        return true;
      }
      this.#doubtful = true;
      if (char === '"') output.fixes.add("quote in a string");
    }
    source.take(1);
    output.write(char === '"' ? '\\"' : char);
    this.#empty = false;
    return false;
  }

  #escape(source: Source, output: Output, cut: boolean): void {
    const next = source.at(1);
    if (next === "") {
      if (!cut) throw new Unrepairable(BREAKS_OFF);
      source.take(1);
      return;
    }
    if (next === "u" || next === "x") {
      const digits = next === "u" ? 4 : 2;
      let at = 2;
      while (at < 2 + digits && UNICODE.test(source.at(at))) at++;
      if (at === 2 + digits) {
        const [, , ...code] = source.take(at);
        if (next === "x") output.fixes.add("escape");
        output.write(`\\u${code.join("").padStart(4, "0")}`);
        return;
      }
      if (source.at(at) === "" && cut) {
        source.take(at);
        return;
      }
    } else if ('"\\/bfnrt'.includes(next)) {
      output.write(source.take(2));
      return;
    }
    output.fixes.add("escape");
    // An escaped letter is more likely a path or a pattern that lacks a backslash; an escaped sign stands for itself.
    if (/[\p{L}\p{N}]/u.test(next)) output.write("\\\\");
    else if (next >= " ") output.write(next);
    else output.write(control(next, output));
    source.take(/[\p{L}\p{N}]/u.test(next) ? 1 : 2);
  }

  /** Brackets at the end of the whole text belong to the document: then only the quote is missing. */
  #brackets(source: Source, output: Output, cut: boolean): boolean {
    const length = closingRun(source);
    const isEnd = length < 64 && source.at(length) === "" && !cut && this.place !== "key";
    if (isEnd && this.#doubtful) throw new Unrepairable(BREAKS_OFF);
    if (isEnd) return this.#unclosed(output);
    output.write(escapeSpaces(source.take(length), output));
    this.#empty = false;
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

function control(char: string, output: Output): string {
  output.fixes.add("control character");
  return SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function escapeSpaces(text: string, output: Output): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a JSON string cannot hold
  return text.replace(/[\u0000-\u001f]/g, (char) => control(char, output));
}
