import { BREAKS_OFF, type Ending, Undecided, Unrepairable } from "./ending.ts";
import { hasLineBreak, isWordKey, skipSpace, WORD } from "./look-ahead.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";
import { meaningOf, meaningOfCut } from "./words.ts";

/** How long a value without quotes may be, in characters. */
const MAX_CHARS = 4096;
// Bounded, so that no more is looked at again with each piece.
const TO_DELIMITER = /[^ \t\r\n,;\]}{["'“”:]{0,4096}/y;
const TO_LINE_END = /[^,}\]\n]{0,4096}/y;
const DELIMITERS = " \t\r\n,;]}{[\"'“”:";

/**
 * Reads a value without quotes: a number, a literal, or text that lacks them. Takes it, and answers it as JSON; `undefined`
 * for what was cut before it meant anything.
 */
export function plainValue(source: Source, output: Output, ending: Ending): string | undefined {
  const word = upTo(source, TO_DELIMITER);
  const { length } = word;
  const ends = source.at(length) === "";
  const meaning = ends && ending === "cut" ? meaningOfCut(word) : meaningOf(word);
  if (meaning && (ends || !goesOn(source, length))) {
    source.take(length);
    if (meaning.fix !== undefined) output.fixes.add(meaning.fix);
    return meaning.json;
  }
  if (ends && ending === "cut" && /^[-+.]?$/.test(word)) {
    source.take(length);
    return undefined;
  }
  return text(source, output, ending);
}

/** Whether the word is the first of several, such as `5 apples`. */
function goesOn(source: Source, length: number): boolean {
  if (source.at(length) === ":") return true;
  const at = skipSpace(source, length);
  const next = source.at(at);
  if (at === length || !WORD.test(next) || hasLineBreak(source, length, at) || isWordKey(source, at)) return false;
  let word = "";
  while (word.length < 64) {
    const char = source.at(at + word.length);
    if (char === "" || DELIMITERS.includes(char)) break;
    word += char;
  }
  return meaningOf(word) === undefined;
}

function text(source: Source, output: Output, ending: Ending): string {
  const all = upTo(source, TO_LINE_END);
  const { length } = all;
  const words = all.trim();
  if (source.at(length) === "" && ending !== "cut") throw new Unrepairable(BREAKS_OFF);
  if (/^[\w.$]+\s?\(|^\/|^new /.test(words)) throw new Unrepairable("it holds code in place of a value");
  const unquoted = words.replace(/["”]$/, "");
  if (!/^[\p{L}\p{N}_$.+\-€£#@]/u.test(unquoted) || /["{[“”]/.test(unquoted)) throw new Undecided();
  source.take(length);
  output.fixes.add("quotes");
  return JSON.stringify(unquoted.trim());
}

/** What comes until one of the delimiters of a pattern. */
function upTo(source: Source, pattern: RegExp): string {
  const word = source.run(pattern);
  if (word.length < MAX_CHARS) return word;
  throw new Unrepairable(`it holds a value without quotes of ${MAX_CHARS} characters or more`);
}
