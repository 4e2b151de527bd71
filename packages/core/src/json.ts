/** JSON that cannot be taken; the message completes the sentence "The body …". */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** How deep objects and arrays may nest. Deeper ones overflow the stack of most code that walks them. */
const MAX_DEPTH = 100;

/**
 * Parses JSON text. Integers beyond 2^53, `-0` and numbers beyond the range of a double become `JSON.rawJSON` values, so
 * that they are written again exactly as they came. Text of more than `maxValues` values (default: any number) is not even
 * parsed. Throws `JsonError`; its message holds none of the text.
 */
export function parseJson(text: string, maxValues: number = Number.POSITIVE_INFINITY): unknown {
  const inexact = scan(text, maxValues);
  try {
    return inexact ? JSON.parse(text, keepNumber) : JSON.parse(text);
  } catch {
    throw new JsonError("is not valid JSON");
  }
}

/** ECMA-262's JSON.rawJSON, in every Node from 22 on but not yet in TypeScript's library. */
interface RawJson {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
}
const rawJson = JSON as JSON & RawJson;

/** Whether a value is a number kept as text by `parseJson` because a double would change it. */
export function isRawNumber(value: unknown): boolean {
  return rawJson.isRawJSON(value);
}

/** Whether a parsed value is a JSON object: no list, and no number that is kept as text. */
export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

function keepNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  const tooFine = value === 0 && /^(-|[0.]*[1-9])/.test(context.source);
  const lossy = tooFine || !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
  return lossy ? rawJson.rawJSON(context.source) : value;
}

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const UPPER_E = 69;
const LOWER_E = 101;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/**
 * One pass over the text outside its strings, before the parser: throws where it nests too deep or holds too many values,
 * and answers whether it holds a number that a double may not keep.
 */
function scan(text: string, maxValues: number): boolean {
  let separators = 0;
  let depth = 0;
  let digits = 0;
  let inexact = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char >= ZERO && char <= NINE) {
      inexact ||= ++digits > 15;
      continue;
    }
    if (digits > 0 && (char === LOWER_E || char === UPPER_E)) inexact = true;
    digits = 0;
    if (char === QUOTE) at = endOfString(text, at);
    else if (char === COMMA) {
      // Between n values of a text there are at most n separators.
      if (++separators > maxValues) throw new JsonError(`has more than ${maxValues} values`);
    } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) throw new JsonError(`is nested more than ${MAX_DEPTH} levels deep`);
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--;
    else if (char === MINUS) inexact ||= text.charCodeAt(at + 1) === ZERO;
  }
  return inexact;
}

/** Where the string that opens at `at` closes; the last place of the text where it does not. */
function endOfString(text: string, at: number): number {
  for (let close = text.indexOf('"', at + 1); close !== -1; close = text.indexOf('"', close + 1)) {
    let escapes = 0;
    while (text.charCodeAt(close - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return close;
  }
  return text.length;
}

/**
 * Checks a parsed value that comes from outside before anything walks it: not too deep, at most `maxValues` values, and
 * no key that reaches for a prototype. Throws `JsonError`.
 */
export function checkTree(value: unknown, maxValues: number): void {
  let left = maxValues;
  const visit = (node: unknown, depth: number): void => {
    if (--left < 0) throw new JsonError(`has more than ${maxValues} values`);
    if (typeof node !== "object" || node === null || isRawNumber(node)) return;
    if (depth > MAX_DEPTH) throw new JsonError(`is nested more than ${MAX_DEPTH} levels deep`);
    if (Array.isArray(node)) for (const item of node) visit(item, depth + 1);
    else for (const [name, item] of Object.entries(node)) visit(reject(name, item), depth + 1);
  };
  visit(value, 1);
}

function reject(name: string, value: unknown): unknown {
  if (name === "__proto__") throw new JsonError("has a key `__proto__`, which is not allowed");
  if (name === "constructor" && typeof value === "object" && value !== null && Object.hasOwn(value, "prototype")) {
    throw new JsonError("has a key `constructor.prototype`, which is not allowed");
  }
  return value;
}
