import { CREDENTIALS, SUSPECT } from "./credentials.ts";

/** As much of a text is looked at, times what may be shown, and so much more: nearly always masking leaves enough. */
const READ_TIMES = 8;
const READ_MORE = 4096;

/** How much is left out where that ends: the cut may run through something to be masked. */
const LEFT_OUT = 256;

/**
 * Text that came from elsewhere, fit to be shown: credentials and the given `secrets` are masked, what a terminal or an
 * editor would obey or hide (control characters but for tabs and line feeds, ANSI sequences, changes of direction, characters
 * without width) is taken off, and it is cut at `maxLength` characters.
 */
export function redact(text: string, secrets: readonly string[] = [], maxLength = 1000): string {
  const read = READ_TIMES * maxLength + READ_MORE;
  const isPart = text.length > read;
  let shown = isPart ? text.slice(0, read) : text;
  // Before anything is masked: what is not seen must not keep a shape from being recognised.
  if (OBEYED.test(shown)) shown = shown.replace(SEQUENCES, "").replace(CONTROL, " ").toWellFormed();
  for (const secret of secrets) if (secret !== "") shown = shown.replaceAll(secret, MASK);
  if (SUSPECT.test(shown)) for (const shape of CREDENTIALS) shown = shown.replace(shape, `$1${MASK}`);
  if (isPart) shown = shown.slice(0, -Math.max(LEFT_OUT, ...secrets.map((secret) => secret.length)));
  return cut(shown, maxLength);
}

const MASK = "***";

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: they are what is removed
const OBEYED =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/;
/** ANSI sequences (ECMA-48, section 5.4), those that set a title or a link, what changes the direction of text, and what has no width. */
const SEQUENCES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))|[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]+/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: they are what is removed

/** The beginning of a text that is too long, with a sign that there was more. No character of two units is cut in half. */
export function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 2);
  const isHalf = last >= 0xd800 && last < 0xdc00;
  return `${text.slice(0, maxLength - (isHalf ? 2 : 1))}…`;
}
