import { BREAKS_OFF, Unrepairable } from "./ending.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";

const HEX = /^[\da-fA-F]$/;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f" };

/** Takes the escape at the head of the source, and writes it as JSON knows it. `cut`: the document is known to break off. */
export function writeEscape(source: Source, output: Output, cut: boolean): void {
  const next = source.at(1);
  if (next === "") {
    if (!cut) throw new Unrepairable(BREAKS_OFF);
    source.take(1);
    return;
  }
  if (next === "u" || next === "x") {
    const digits = next === "u" ? 4 : 2;
    let at = 2;
    while (at < 2 + digits && HEX.test(source.at(at))) at++;
    if (at === 2 + digits) {
      const [, , ...code] = source.take(at);
      if (next === "x") output.fixes.add("escape");
      output.write(`\\u${code.join("").padStart(4, "0")}`);
      return;
    }
    if (source.at(at) === "" && cut) {
      source.take(at);
      return;
    }
  } else if ('"\\/bfnrt'.includes(next)) {
    output.write(source.take(2));
    return;
  }
  output.fixes.add("escape");
  // An escaped letter is more likely a path or a pattern that lacks a backslash; an escaped sign stands for itself.
  if (/[\p{L}\p{N}]/u.test(next)) output.write("\\\\");
  else if (next >= " ") output.write(next);
  else output.write(control(next, output));
  source.take(/[\p{L}\p{N}]/u.test(next) ? 1 : 2);
}

/** A control character as JSON knows it. */
export function control(char: string, output: Output): string {
  output.fixes.add("control character");
  return SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The text with its control characters escaped. */
export function escapeSpaces(text: string, output: Output): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a JSON string cannot hold
  return text.replace(/[\u0000-\u001f]/g, (char) => control(char, output));
}
