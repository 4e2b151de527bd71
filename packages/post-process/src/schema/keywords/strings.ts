import { type Keyword, type Keywords, keyword } from "../keyword.ts";
import { count, text } from "../shape.ts";
import { quoted } from "../shortened.ts";

/** Keywords for strings (JSON Schema Validation 2020-12, 6.3). */
export const STRINGS: Keywords = {
  maxLength: length("at most", (chars, limit) => chars <= limit),
  minLength: length("at least", (chars, limit) => chars >= limit),
  pattern: keyword(text, (source, context) => {
    const pattern = context.pattern(source, context.path);
    return (value, place, run) =>
      typeof value !== "string" ||
      pattern.matches(value, run.fuel) ||
      run.fails(place, () => `must match the pattern ${quoted(source, 176)}`);
  }),
};

function length(words: string, holds: (chars: number, limit: number) => boolean): Keyword {
  return keyword(count, (limit) => (value, place, run) => {
    if (typeof value !== "string") return true;
    // Counting 16 characters takes about as long as one step.
    run.fuel.spend(value.length >> 4);
    return holds(characters(value), limit) || run.fails(place, () => `must have ${words} ${limit} characters`);
  });
}

/** How many characters a text has. RFC 8259 means those of Unicode, of which some are two units in JavaScript. */
function characters(value: string): number {
  let chars = value.length;
  for (let at = 0; at < value.length; at++) {
    if ((value.codePointAt(at) ?? 0) <= 0xffff) continue;
    chars--;
    at++;
  }
  return chars;
}
