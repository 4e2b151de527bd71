import type { Source } from "./source.ts";

/** How far a decision looks ahead, in characters: what a stream holds back at the most to take it. */
const REACH = 64;

/** What a word is made of, a key without quotes among them. */
export const WORD: RegExp = /[\p{L}\p{N}_$]/u;
const SPACE = /[\s\uFEFF]/;

export function isSpace(char: string): boolean {
  return char === " " || char === "\n" || (char !== "" && SPACE.test(char));
}

/** Characters that end a string which the given one opens; undefined where it opens none. */
export function closersOf(quote: string): string | undefined {
  return CLOSERS.get(quote);
}

const CLOSERS = new Map([
  ['"', '"'],
  ["'", "'"],
  ["`", "`"],
  ["“", '”“"'],
  ["”", '”"'],
  ["„", '“”"'],
  ["‘", "’‘'"],
  ["’", "’'"],
]);

export function isQuote(char: string): boolean {
  return CLOSERS.has(char);
}

/** Where the space from `offset` on ends, or the reach of a look. */
export function skipSpace(source: Source, offset: number): number {
  let at = offset;
  while (at - offset < REACH && isSpace(source.at(at))) at++;
  return at;
}

export function hasLineBreak(source: Source, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (source.at(at) === "\n") return true;
  return false;
}

/** Whether a word stands at `offset`, and a colon behind it. */
export function isWordKey(source: Source, offset: number): boolean {
  let at = offset;
  while (at - offset < REACH && /[\p{L}\p{N}_$.-]/u.test(source.at(at))) at++;
  return at > offset && source.at(skipSpace(source, at)) === ":";
}

/** Whether the text between quotes that opens at `offset` is followed by one of the characters; a long one is taken to be. */
export function isQuotedBefore(source: Source, offset: number, followers: string): boolean {
  const closers = closersOf(source.at(offset)) ?? "";
  for (let at = offset + 1; at - offset < REACH; at++) {
    const char = source.at(at);
    if (char === "") return true;
    if (char === "\\") at++;
    else if (closers.includes(char)) {
      const next = source.at(skipSpace(source, at + 1));
      return next === "" || followers.includes(next);
    }
  }
  return true;
}

/** Whether a comment begins at `offset`. */
export function isComment(source: Source, offset: number): boolean {
  return source.at(offset) === "/" && "/*".includes(source.at(offset + 1) || " ");
}
