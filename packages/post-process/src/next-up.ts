import {
  behindQuoted,
  closersOf,
  isComment,
  isFence,
  isHalfKey,
  isPlainBefore,
  isQuote,
  isQuotedBefore,
  isSpace,
  isWordKey,
  skipSpace,
  WORD,
  wordEnd,
} from "./look-ahead.ts";
import type { Source } from "./source.ts";

/** Where a string stands: a key or a value of an object, or an item of a list. */
export type Place = "key" | "value" | "item";

/** Whether the comma before `offset` is one between members of an object, or items of a list. */
export function isNext(source: Source, offset: number, place: Place): boolean {
  const at = skipSpace(source, offset);
  const next = source.at(at);
  if (next === "" || "}],.…{".includes(next) || isSpace(next) || isComment(source, at) || isFence(source, at))
    return true;
  if (place === "item") return "[-#0123456789".includes(next) || isQuote(next) || isPlainBefore(source, at, ",]}");
  if (isQuote(next)) return isQuotedBefore(source, at, ":=}");
  return next === "#" || isWordKey(source, at) || isHalfKey(source, at) || source.at(wordEnd(source, at)) === "";
}

/**
 * Whether behind the comma or line break at the head of the source comes what begins behind a string: the next key where
 * the string is a value, the next of several strings where it is an item. `closers`: what ends the string. In valid JSON it
 * never does: behind a string's last quote no word follows.
 */
export function isPastEnd(source: Source, place: Place, closers: string): boolean {
  const at = skipSpace(source, source.at(0) === "," ? 1 : 0);
  if (closersOf(source.at(at)) !== closers || !WORD.test(source.at(at + 1) || " ")) return false;
  for (let end = at + 1; end - at < 64; end++) {
    const char = source.at(end);
    if (char === "" || "\\,\n{}[]".includes(char)) return false;
    if (!closers.includes(char)) continue;
    const behind = skipSpace(source, end + 1);
    if (place === "value") return source.at(behind) === ":";
    return source.at(behind) === "]" || (source.at(behind) === "," && isNext(source, behind + 1, "item"));
  }
  return false;
}

/** Whether a key in quotes, and a colon, stand at `offset`. */
export function isQuotedKey(source: Source, offset: number): boolean {
  const next = isQuote(source.at(offset)) ? behindQuoted(source, offset) : undefined;
  return next === ":" || next === "=";
}
