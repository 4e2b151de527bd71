import { jsonrepair } from "jsonrepair";
import { UNCLEAR, Unrepairable } from "./ending.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";
import type { Structure } from "./structure.ts";
import { meaningOf } from "./words.ts";

/** How much is left to the library, in characters, once a text: its time grows with the cube of that. */
const MAX_CHARS = 256;

/** Throws `Unrepairable` where more waits than the library is given. */
export function checkLeft(source: Source): void {
  if (source.waiting > MAX_CHARS) throw new Unrepairable(UNCLEAR);
}

/**
 * Repairs the rest of a document with the library, for which the brackets that are open are put before it. Answers the
 * rest of the document. Throws `Unrepairable`.
 */
export function repairRest(source: Source, output: Output, structure: Structure, maxDepth: number): string {
  checkLeft(source);
  const { open, expected } = structure.place;
  const outer = open.slice(0, -1).map((bracket) => (bracket === "{" ? '{"k":' : "["));
  const before = `${outer.join("")}${open.at(-1) ?? ""}${expected === "value" ? '"k":' : ""}`;
  const { rest } = source;
  if (isDecided(rest) || depthOf(rest) + open.length > maxDepth) throw new Unrepairable(UNCLEAR);
  const repaired = attempt(before + rest);
  if (!repaired?.startsWith(before)) throw new Unrepairable(UNCLEAR);
  const tail = repaired.slice(before.length);
  if (!isSame(rest, tail)) throw new Unrepairable(UNCLEAR);
  source.take(rest.length);
  output.fixes.add("syntax");
  output.release();
  return tail;
}

/** Calls, sums and patterns are code, of which the library would make values. */
const CODE = /[\w$]\s?\(|["']\s*\+|\+\s*["']|[:,[]\s*\//;

/** Whether a text holds what the own rules refuse or read in another way than the library. */
function isDecided(text: string): boolean {
  if (CODE.test(text) || /[\\`#“”„‘’…]|\/[/*]|\.\.\./.test(text)) return true;
  return (text.match(/[\w.+-]+/g) ?? []).some((word) => meaningOf(word)?.fix !== undefined);
}

/**
 * Whether the library has only put quotes around something, and brackets at the end: nothing came or went, and no string
 * took the members and items behind it along.
 */
function isSame(before: string, after: string): boolean {
  const strings = after.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  if (strings.some((string) => /\\["']|'/.test(string) && /[,:;{}[\]]/.test(string))) return false;
  const rest = bare(after).slice(bare(before).length);
  return bare(after).startsWith(bare(before)) && /^[}\]]*$/.test(rest);
}

function bare(text: string): string {
  return text.replace(/[\s"'\\]/g, "");
}

/** How deep a text may nest, whatever of it is text in quotes. */
function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  for (const char of text) {
    if (char === "{" || char === "[") most = Math.max(most, ++depth);
    else if (char === "}" || char === "]") depth = Math.max(0, depth - 1);
  }
  return most;
}

function attempt(text: string): string | undefined {
  try {
    const repaired = jsonrepair(text);
    JSON.parse(repaired);
    return repaired;
  } catch {
    return undefined;
  }
}
