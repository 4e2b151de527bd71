import { isHalfKey, wordEnd } from "./look-ahead.ts";
import type { Source } from "./source.ts";

/** How long a key of several words may be, in characters. */
const MAX_CHARS = 64;

/**
 * The key without quotes, or without its opening quote, at the head of the source, of one word or of several; undefined
 * where no colon follows. `cut`: one that goes on to the end of the text is a key as well.
 */
export function looseKey(source: Source, cut: boolean): string | undefined {
  const end = wordEnd(source, 0);
  const next = source.at(end);
  if (end > 0 && (next === ":" || (next === "" && cut) || (next === '"' && isHalfKey(source, 0))))
    return source.look(end);
  for (let at = 0; at < MAX_CHARS; at++) {
    const char = source.at(at);
    if (char === ":") return source.look(at).trim() || undefined;
    if (!/[\p{L}\p{N}\p{M}_$.@%<>*?^ -]/u.test(char)) return undefined;
  }
  return undefined;
}
