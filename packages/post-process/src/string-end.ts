import { hasLineBreak, isComment, isQuote, isQuotedBefore, isSpace, isWordKey, skipSpace, WORD } from "./look-ahead.ts";
import type { Source } from "./source.ts";

/** Where a string stands: a key or a value of an object, or an item of a list. */
export type Place = "key" | "value" | "item";

/**
 * Whether the quote at the head of the source ends its string, judged by what comes behind it. In valid JSON it always
 * does: there a quote within a string is escaped. `empty`: nothing of the string was seen yet.
 */
export function endsString(source: Source, place: Place, empty: boolean): boolean {
  const at = skipSpace(source, 1);
  const next = source.at(at);
  if (next === "") return true;
  if (place === "key") return ":=,}]".includes(next) || at > 1 || !(WORD.test(next) || isQuote(next));
  if (next === "}" || next === "]") return true;
  if (next === ";") return place === "value" && isMemberNext(source, at + 1);
  if (next === ",") return place === "value" ? isMemberNext(source, at + 1) : isItemNext(source, at + 1);
  // Two quotes side by side: the first is the text's own where the second may end the string, or where it is the first of all.
  if (next === "`" && source.at(at + 1) === "`") return true;
  if (isQuote(next) && at === 1) return !empty && !",}]".includes(source.at(skipSpace(source, 2)) || ",");
  const newLine = hasLineBreak(source, 1, at);
  if (isQuote(next)) return newLine || isQuotedBefore(source, at, place === "value" ? ":" : ",]");
  if (newLine && place === "value" && isWordKey(source, at)) return true;
  return next === "+" || isComment(source, at) || isSpace(next);
}

/** Whether the comma before `offset` is one between members of an object. */
function isMemberNext(source: Source, offset: number): boolean {
  const at = skipSpace(source, offset);
  const next = source.at(at);
  if (isQuote(next)) return isQuotedBefore(source, at, ":=}");
  return next === "" || "}],.#{".includes(next) || isSpace(next) || isComment(source, at) || isWordKey(source, at);
}

/** Whether the comma before `offset` is one between items of a list. */
function isItemNext(source: Source, offset: number): boolean {
  const at = skipSpace(source, offset);
  const next = source.at(at);
  if (next === "" || "{[]},.#-0123456789".includes(next)) return true;
  if (isQuote(next) || isSpace(next) || isComment(source, at)) return true;
  let word = "";
  for (let end = at; word.length < 10 && WORD.test(source.at(end)); end++) word += source.at(end);
  return LITERALS.has(word);
}

const LITERALS = new Set(["true", "false", "null", "True", "False", "None", "NaN", "Infinity", "undefined"]);

/**
 * Whether a string without its closing quote ends before the comma or line break at the head of the source: a member
 * with a key in quotes comes next. In valid JSON it never does: behind a string's last quote no word follows.
 */
export function endsUnclosed(source: Source): boolean {
  let at = source.at(0) === "," ? 1 : 0;
  at = skipSpace(source, at);
  if (source.at(at) !== '"' || !WORD.test(source.at(at + 1) || " ")) return false;
  for (let end = at + 1; end - at < 64; end++) {
    const char = source.at(end);
    if (char === "" || "\\,\n{}[]".includes(char)) return false;
    if (char === '"') return source.at(skipSpace(source, end + 1)) === ":";
  }
  return false;
}

/** How many closing brackets and spaces come at the head of the source, as far as a look reaches. */
export function closingRun(source: Source): number {
  let at = 0;
  while (at < 64 && (isSpace(source.at(at)) || "}]".includes(source.at(at) || "."))) at++;
  return at;
}
