import type { Source } from "./source.ts";

/** How far a decision looks ahead, in characters: what a stream holds back at the most to take it. */
const REACH = 64;

/** What a word is made of, a key without quotes among them. */
export const WORD: RegExp = /[\p{L}\p{N}_$]/u;
const KEY = /[\p{L}\p{N}_$.-]/u;
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

/** Every quote that may open a string. */
export const QUOTES: string = [...CLOSERS.keys()].join("");

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
  const at = wordEnd(source, offset);
  return at > offset && source.at(skipSpace(source, at)) === ":";
}

/** Whether a key that lacks only its opening quote stands at `offset`. */
export function isHalfKey(source: Source, offset: number): boolean {
  const at = wordEnd(source, offset);
  return at > offset && source.at(at) === '"' && source.at(skipSpace(source, at + 1)) === ":";
}

/** Where the word at `offset` ends, which may be a key. */
export function wordEnd(source: Source, offset: number): number {
  let at = offset;
  while (at - offset < REACH && KEY.test(source.at(at))) at++;
  return at;
}

/**
 * The character behind the text between quotes that opens at `offset`, and the spaces there; empty at the end of the text;
 * undefined where the quotes are not closed within reach.
 */
export function behindQuoted(source: Source, offset: number): string | undefined {
  const closers = closersOf(source.at(offset)) ?? "";
  for (let at = offset + 1; at - offset < REACH; at++) {
    const char = source.at(at);
    if (char === "") return undefined;
    if (char === "\\") at++;
    else if (closers.includes(char)) return source.at(skipSpace(source, at + 1));
  }
  return undefined;
}

/** Whether the text between quotes that opens at `offset` is followed by one of the characters; a long one is taken to be. */
export function isQuotedBefore(source: Source, offset: number, followers: string): boolean {
  const next = behindQuoted(source, offset);
  return next === undefined || next === "" || followers.includes(next) || isSpace(next);
}

/** Whether a comment begins at `offset`. */
export function isComment(source: Source, offset: number): boolean {
  return source.at(offset) === "/" && "/*".includes(source.at(offset + 1) || " ");
}

/** Whether a comment of the kind `# …` begins at `offset`, where a space comes before it. */
export function isHashComment(source: Source, offset: number): boolean {
  return source.at(offset) === "#" && !WORD.test(source.at(offset + 1) || " ");
}

/** Whether a code fence opens or closes at `offset`. */
export function isFence(source: Source, offset: number): boolean {
  return source.at(offset) === "`" && source.at(offset + 1) === "`" && source.at(offset + 2) === "`";
}

/** Whether a number or a literal stands at `offset`, and behind it one of the characters, a space or the end. */
export function isPlainBefore(source: Source, offset: number, followers: string): boolean {
  let word = "";
  let next = source.at(offset);
  while (word.length < REACH && /[\w.+-]/.test(next)) {
    word += next;
    next = source.at(offset + word.length);
  }
  if (next === "" && word !== "" && LITERALS.some((literal) => literal.startsWith(word))) return true;
  const isPlain = LITERALS.includes(word) || /^[-+]?\d[\d.]*(?:[eE][-+]?\d+)?$/.test(word);
  return isPlain && (next === "" || followers.includes(next) || isSpace(next));
}

const LITERALS = ["true", "false", "null", "True", "False", "None", "NaN", "Infinity", "-Infinity", "undefined"];
