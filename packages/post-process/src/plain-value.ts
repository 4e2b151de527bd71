import { BREAKS_OFF, type Ending, Undecided, Unrepairable } from "./ending.ts";
import { hasLineBreak, isQuote, isWordKey, skipSpace, WORD } from "./look-ahead.ts";
import { isQuotedKey } from "./next-up.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";
import { meaningOf, meaningOfCut } from "./words.ts";

/** How long a value without quotes may be that is no number, in characters. */
const MAX_CHARS = 4096;
const NUMERIC = /[-+.\deE]+/y;
const TO_DELIMITER = /[^ \t\r\n,;\]}{["'“”:]+/y;
const TO_LINE_END = /[^,}\]\n]+/y;
const CUT_NUMBER = /^(?:[-+.\d][-+.\d_xXa-fA-F]*)?$/;
const DELIMITERS = " \t\r\n,;]}{[\"'“”:";

/** Signs with which text may begin that lacks quotes. */
const BEGINS_TEXT = /^[\p{L}\p{N}_$.+\-€£#@<%*&?^]/u;
/** What looks like the key of a next member within text that lacks quotes. */
const KEY_WITHIN = /\s[\p{L}_$][\p{L}\p{N}_$-]*\s*:(?:\s|["'\d]|$)/u;
/** A comment behind text that lacks quotes. */
const COMMENT = /\s(?:\/\/|\/\*|#(?:\s|$))/;

/**
 * Reads a value without quotes: a number, a literal, or text that lacks them. Takes it, and answers it as JSON; `undefined`
 * for what was cut before it meant anything.
 */
export function plainValue(
  source: Source,
  output: Output,
  ending: Ending,
  place: "value" | "item",
): string | undefined {
  const word = firstWord(source);
  const { length } = word;
  const ends = source.at(length) === "";
  const isCut = ends && ending === "cut";
  // More digits may have followed: a part of a number is another number.
  if (isCut && CUT_NUMBER.test(word)) {
    source.take(length);
    return undefined;
  }
  const meaning = isCut ? meaningOfCut(word) : meaningOf(word);
  if (meaning && (ends || !goesOn(source, length))) {
    checkBehind(source, length, place);
    source.take(length);
    if (meaning.fix !== undefined) output.fixes.add(meaning.fix);
    return meaning.json;
  }
  return text(source, output, ending);
}

/** The word at the head of the source. A number may be of any length. */
function firstWord(source: Source): string {
  const digits = source.run(NUMERIC);
  if (digits > MAX_CHARS && DELIMITERS.includes(source.at(digits))) return source.look(digits);
  return upTo(source, TO_DELIMITER);
}

/** Throws `Unrepairable` where what follows a number or literal shows that it may be a part of something else. */
function checkBehind(source: Source, length: number, place: "value" | "item"): void {
  const next = source.at(length);
  // A quote directly behind a number may be the sign for inches, or lack its partner.
  if (isQuote(next) && !(place === "value" && isQuotedKey(source, length))) {
    throw new Unrepairable("a value without quotes is followed by one");
  }
  // No number begins with a zero that others follow: it is the rest of one with a comma in it, such as 1,000.
  if (place === "item" && next === "," && source.at(length + 1) === "0" && /\d/.test(source.at(length + 2))) {
    throw new Unrepairable("it holds numbers with commas in them");
  }
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
  if (source.at(all.length) === "" && ending !== "cut") throw new Unrepairable(BREAKS_OFF);
  const comment = all.search(COMMENT);
  const said = comment === -1 ? all : all.slice(0, comment);
  const words = said.trim();
  if (/^[\w.$]+\s?\(|^\/|^new /.test(words)) throw new Unrepairable("it holds code in place of a value");
  const unquoted = words.replace(/["”]$/, "");
  if (!BEGINS_TEXT.test(unquoted) || /["{[“”]/.test(unquoted)) throw new Undecided();
  if (KEY_WITHIN.test(unquoted)) throw new Unrepairable("a value without quotes may hold the key of the next");
  source.take(said.length);
  output.fixes.add("quotes");
  return JSON.stringify(unquoted.trim());
}

/** What comes until one of the delimiters of a pattern. */
function upTo(source: Source, pattern: RegExp): string {
  const length = source.run(pattern, MAX_CHARS);
  if (length <= MAX_CHARS) return source.look(length);
  throw new Unrepairable(`it holds a value without quotes of more than ${MAX_CHARS} characters`);
}
