import { jsonrepair } from "jsonrepair";
import { Unrepairable } from "./ending.ts";
import type { Output } from "./output.ts";
import type { Source } from "./source.ts";
import type { Structure } from "./structure.ts";

/** How much is left to the library, in characters: its time grows with the square of that. */
const MAX_CHARS = 16 * 1024;

const UNCLEAR = "its syntax is broken beyond what can be repaired with certainty";

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
  const inner = open.at(-1) === "{" ? { key: "", colon: '"k"', value: '"k":', item: "", after: '"k":{}' } : AMONG_ITEMS;
  const before = `${outer.join("")}${open.at(-1) ?? ""}${inner[expected]}`;
  const { rest } = source;
  if (CODE.test(rest) || depthOf(rest) + open.length > maxDepth) throw new Unrepairable(UNCLEAR);
  const repaired = attempt(before + rest);
  if (!repaired?.startsWith(before)) throw new Unrepairable(UNCLEAR);
  const tail = repaired.slice(before.length);
  source.take(rest.length);
  output.fixes.add("syntax");
  // A comma waits for a next member or item. There may be none.
  if (/^\s*[}\]]/.test(tail)) output.drop();
  else output.release();
  return tail;
}

const AMONG_ITEMS = { key: "", colon: "", value: "", item: "", after: "{}" };

/** Calls, sums and patterns are code. The library would make values of them. */
const CODE = /[\w$]\s?\(|["']\s*\+|\+\s*["']|[:,[]\s*\//;

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
