import { isComment, isQuote, isSpace, isWordKey, skipSpace } from "./look-ahead.ts";
import type { Source } from "./source.ts";

/** Languages of a code fence that may hold JSON. What is fenced in any other is prose. */
const LANGUAGES = new Set([
  "",
  "json",
  "jsonc",
  "json5",
  "jsonl",
  "js",
  "javascript",
  "ts",
  "typescript",
  "text",
  "txt",
  "plaintext",
  "python",
  "py",
  "tool_call",
  "output",
]);

/** A code fence that opens or closes at the head of the source. */
export interface Fence {
  readonly length: number;
  readonly mayHoldJson: boolean;
}

/** The code fence at the head of the source, if there is one. `inside`: it closes one, and no language follows it. */
export function fenceAt(source: Source, inside: boolean): Fence | undefined {
  const mark = source.at(0);
  if ((mark !== "`" && mark !== "~") || source.at(1) !== mark || source.at(2) !== mark) return undefined;
  let length = 3;
  while (length < 16 && source.at(length) === mark) length++;
  if (inside) return { length, mayHoldJson: false };
  let language = "";
  while (language.length < 20 && /[\w+#-]/.test(source.at(length))) {
    language += source.at(length++);
  }
  return { length, mayHoldJson: LANGUAGES.has(language.toLowerCase()) };
}

/** Whether the bracket at the head of the source begins JSON, and not a placeholder, a footnote or a tick box of prose. */
export function beginsJson(source: Source, startsLine: boolean): boolean {
  const isObject = source.at(0) === "{";
  const at = skipSpace(source, 1);
  const next = source.at(at);
  if (next === "" || isSpace(next)) return startsLine;
  if (next === (isObject ? "}" : "]")) return startsLine && endsLine(source, at + 1);
  if (isQuote(next) || isComment(source, at) || isEncodedQuote(source, at)) return true;
  if (isObject) return isWordKey(source, at);
  if (next === "{" || next === "[") return true;
  if (next === ",") return startsLine;
  let end = at;
  while (end - at < 64 && /[\w.+-]/.test(source.at(end))) end++;
  if (end - at === 64) return startsLine;
  let word = "";
  for (let offset = at; offset < end; offset++) word += source.at(offset);
  if (!/^(?:-?\d[\d.eE+-]*|true|false|null|True|False|None|TRUE|FALSE|NULL|NaN)$/.test(word)) return false;
  const behind = skipSpace(source, end);
  // `[1]` in the middle of a line is a footnote.
  return source.at(behind) === "]"
    ? startsLine && endsLine(source, behind + 1)
    : source.at(behind) === "," || startsLine;
}

/** Whether a quote comes at `offset` that is escaped, or written as an HTML entity. */
export function isEncodedQuote(source: Source, offset: number): boolean {
  if (source.at(offset) === "\\") return source.at(offset + 1) === '"' || source.at(offset + 1) === "n";
  return source.at(offset) === "&" && /^&(?:quot|#34);/.test(look(source, offset, 6));
}

function look(source: Source, offset: number, length: number): string {
  let text = "";
  while (text.length < length) {
    const char = source.at(offset + text.length);
    if (char === "") break;
    text += char;
  }
  return text;
}

function endsLine(source: Source, offset: number): boolean {
  let at = offset;
  while (at - offset < 64 && " \t\r".includes(source.at(at) || ".")) at++;
  return source.at(at) === "" || source.at(at) === "\n" || at - offset === 64;
}
