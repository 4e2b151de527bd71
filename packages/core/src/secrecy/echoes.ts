import type { ChatBody } from "../chat.ts";
import { isFields } from "../json.ts";
import { LEAST, withoutQuotes } from "./quoted-runs.ts";

/**
 * Text that may quote a prompt back, such as a provider's error, with every run of 24 or more characters of the prompt
 * replaced by `[…]`, also where it is quoted as JSON would have it. Shorter ones stay, as do names of models and tools: they
 * help. Looks at 4,000 characters of the text, and cuts it there, and at 512 Ki of the prompt: a few milliseconds at the most.
 */
export function hideEchoes(text: string, body: ChatBody): string {
  if (text.length < LEAST) return text;
  const said = textOf(body);
  const read = text.slice(0, MAX_TEXT);
  const shown = withoutQuotes(read, said);
  const plain = unescaped(read);
  if (plain === read) return shown;
  const other = withoutQuotes(plain, said);
  // The one in which more of the prompt was recognised.
  return other !== plain && other.length < shown.length ? other : shown;
}

const MAX_TEXT = 4000;

/** What JSON and its kin escape within a string, as it was. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\(?:u([\da-fA-F]{4})|(["'\\/bfnrt]))/g, (_, unit?: string, sign = "") => {
    return unit === undefined ? (ESCAPES[sign] ?? sign) : String.fromCharCode(Number.parseInt(unit, 16));
  });
}

const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

const MAX_SAID = 512 * 1024;
const MAX_VALUES = 20_000;
const MAX_DEPTH = 32;
/** What is no text: only its beginning is ever quoted. */
const MAX_DATA_URL = 4096;

/** What stays where it is quoted: it says which part of the request is meant. */
const NAMING: ReadonlySet<string> = new Set(["call", "model", "name", "type", "role", "id", "tool_call_id"]);

/** The texts of a body that are long enough to be quoted: the messages, the last one first, and then all others. */
function textOf(body: ChatBody): string {
  const pieces: string[] = [];
  let left = MAX_SAID;
  let values = MAX_VALUES;
  const visit = (value: unknown, depth: number): void => {
    if (left <= 0 || --values < 0 || depth > MAX_DEPTH) return;
    if (typeof value === "string") {
      if (value.length < LEAST) return;
      const piece = ends(value, value.startsWith("data:") ? Math.min(left, MAX_DATA_URL) : left);
      left -= piece.length;
      pieces.push(piece);
    } else if (Array.isArray(value)) {
      for (let at = value.length - 1; at >= 0 && left > 0 && values > 0; at--) visit(value[at], depth + 1);
    } else if (isFields(value)) {
      for (const name in value) if (!NAMING.has(name)) visit(value[name], depth + 1);
    }
  };
  const { messages, ...others } = body;
  visit(messages, 0);
  visit(others, 0);
  return pieces.join("\n");
}

/** As much of a text, of its beginning and its end. */
function ends(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor(most / 2);
  return `${text.slice(0, half)}\n${text.slice(text.length - half)}`;
}
