import { Unrepairable } from "./ending.ts";
import {
  hasLineBreak,
  isComment,
  isHashComment,
  isPlainBefore,
  isQuote,
  isQuotedBefore,
  isSpace,
  isWordKey,
  QUOTES,
  skipSpace,
  WORD,
} from "./look-ahead.ts";
import { isNext, isQuotedKey, type Place } from "./next-up.ts";
import type { Source } from "./source.ts";

/** What is known of a string before one of its quotes. */
export interface Before {
  readonly place: Place;
  /** Nothing of it was seen yet. */
  readonly empty: boolean;
  /** It holds a quote that its author did not escape. Then what looks like its end may be inside of it. */
  readonly doubtful: boolean;
  /** The brackets that it opens and does not close, such as `[{`. */
  readonly open: string;
}

/**
 * Whether the quote at the head of the source ends its string, judged by what comes behind it. In valid JSON it always
 * does: there a quote within a string is escaped. Throws `Unrepairable` where it may or may not, and one of both would
 * lose or merge what follows.
 */
export function endsString(source: Source, before: Before): boolean {
  const at = skipSpace(source, 1);
  const next = source.at(at);
  if (next === "" || isSpace(next)) return true;
  if (before.place === "key") return endsKey(source, at, next);
  if (next === "}" || next === "]") return !before.doubtful || endsDoubtful(source, at, before);
  if (next === "," || next === ";") return endsAtComma(source, at, before);
  if (next === "`" && source.at(at + 1) === "`") return true;
  if (next === ":") return unless(!before.doubtful || !before.open.includes("{"), false);
  if (isComment(source, at) || (at > 1 && isHashComment(source, at))) return unless(before.doubtful, true);
  if (isQuote(next)) return at === 1 ? endsAtQuote(source, before) : endsBeforeQuote(source, at, before);
  return next === "+" || (at > 1 && endsAtSpace(source, at, before));
}

function endsKey(source: Source, at: number, next: string): boolean {
  return ":=,}]".includes(next) || at > 1 || !(WORD.test(next) || isQuote(next)) || isPlainBefore(source, 1, ",}]");
}

/** A bracket comes behind a quote of a string that holds others: it may be text as well. */
function endsDoubtful(source: Source, at: number, { open }: Before): boolean {
  let end = at;
  while (end - at < 64 && (isSpace(source.at(end)) || "}]".includes(source.at(end) || "."))) end++;
  const next = source.at(end);
  const isKey = isQuotedKey(source, end);
  if (!open.includes(source.at(at) === "}" ? "{" : "[")) return unless(isQuote(next) && !isKey, true);
  return unless(next === "" || ",;".includes(next) || isKey || hasLineBreak(source, at, end), false);
}

function endsAtComma(source: Source, at: number, { place, doubtful, open }: Before): boolean {
  const goesOn = isNext(source, at + 1, place);
  if (source.at(at) === ";") return place === "value" && goesOn && unless(open !== "", true);
  if (!doubtful) return unless(!goesOn, true);
  return unless(goesOn && open !== "", goesOn);
}

/** Two quotes side by side: the first is the text's own where the second may end the string, or where it is the first of all. */
function endsAtQuote(source: Source, { place, empty }: Before): boolean {
  if (empty || ",}]".includes(source.at(skipSpace(source, 2)) || ",")) return false;
  if (place === "value") return isQuotedKey(source, 1);
  return unless(!isQuotedBefore(source, 1, ",]") && isQuotedBefore(source, 1, QUOTES), isQuotedBefore(source, 1, ",]"));
}

/** A next string comes behind spaces, without a comma. */
function endsBeforeQuote(source: Source, at: number, { place, doubtful }: Before): boolean {
  const isKey = place === "value" && isQuotedBefore(source, at, ":=");
  if (isKey) return true;
  const newLine = hasLineBreak(source, 1, at);
  const isItem = place === "item" && isQuotedBefore(source, at, `,]${QUOTES}`);
  if (doubtful) return unless(newLine ? !isItem : isItem, newLine);
  return unless(!newLine && !isItem, true);
}

/** Something without quotes comes behind spaces. */
function endsAtSpace(source: Source, at: number, { place, doubtful }: Before): boolean {
  const newLine = hasLineBreak(source, 1, at);
  const next = source.at(at);
  if (next === "{" || next === "[") return unless(doubtful ? newLine : !newLine || place === "value", !doubtful);
  if (place === "item") {
    if (!isPlainBefore(source, at, ",]}")) return false;
    return unless(doubtful ? newLine : !newLine, !doubtful);
  }
  if (!isWordKey(source, at)) return false;
  return unless(newLine ? doubtful : !doubtful, newLine);
}

/** The answer, unless it is too doubtful to give one. */
function unless(unclear: boolean, answer: boolean): boolean {
  if (unclear) throw new Unrepairable(UNCLEAR_QUOTES);
  return answer;
}

/** Why a string is unrepairable of which nobody can say where it ends. */
export const UNCLEAR_QUOTES = "its quotes do not show where a string ends";
