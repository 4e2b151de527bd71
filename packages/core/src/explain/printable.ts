/**
 * Text from a log as it may be shown: in one line, without characters that command a terminal, that cannot be seen or that turn
 * the direction of what follows.
 */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(/\p{C}+/gu, "")
    .replace(/(\p{M}{3})\p{M}+/gu, "$1");
}

const ELLIPSIS = "…";
const PLAIN = /^[ -~]*$/;
const NO_WIDTH = /^\p{M}$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}\u{20000}-\u{3fffd}]$/u;

function widthOfCharacter(character: string): number {
  if (NO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** How many columns of a terminal printable text takes. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** Printable text in at most so many columns: `mark`, of one column, stands for what was cut off. */
export function cut(text: string, columns: number, mark: string = ELLIPSIS): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const character of text) {
    width += widthOfCharacter(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return kept + mark;
}

/** Printable text filled up with spaces to so many columns. */
export function pad(text: string, columns: number, side: "left" | "right"): string {
  const spaces = " ".repeat(Math.max(0, columns - widthOf(text)));
  return side === "left" ? text + spaces : spaces + text;
}

/** Printable text in lines of at most so many columns, broken between words; a word that is longer is cut into pieces, or left `whole`. */
export function wrap(text: string, columns: number, long: "cut" | "whole" = "cut"): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text
    .split(" ")
    .filter(Boolean)
    .flatMap((one) => (long === "whole" ? [one] : pieces(one, columns)))) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || widthOf(longer) <= columns) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function pieces(word: string, columns: number): string[] {
  if (widthOf(word) <= columns) return [word];
  const found: string[] = [];
  let piece = "";
  let width = 0;
  for (const character of word) {
    const more = widthOfCharacter(character);
    if (width + more > columns) {
      found.push(piece);
      piece = "";
      width = 0;
    }
    piece += character;
    width += more;
  }
  return [...found, piece];
}

const IN_ASCII: Readonly<Record<string, string>> = { "…": "~", "–": "-", "≥": ">", "×": "x", "±": "~" };

/** Printable text in ASCII, of the same width. */
export function ascii(text: string): string {
  if (PLAIN.test(text)) return text;
  return Array.from(text, (character) => {
    if (PLAIN.test(character)) return character;
    return IN_ASCII[character] ?? "?".repeat(widthOfCharacter(character));
  }).join("");
}

/** JSON text for a terminal: the characters that JSON allows and a terminal may obey are written as escapes. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/(?!\n)[\p{C}\u2028\u2029]/gu, (found) =>
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
      "",
    ),
  );
}
