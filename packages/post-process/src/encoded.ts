/** How a whole document may be encoded once more than it should be. */
export type Encoding = "escaped text" | "HTML entities";

const PATTERNS: Readonly<Record<Encoding, RegExp>> = {
  "escaped text": /\\(["\\/nrt])/g,
  "HTML entities": /&(quot|apos|amp|lt|gt|#34|#39|#x22|#x27);/gi,
};

const CHARACTERS: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  quot: '"',
  "#34": '"',
  "#x22": '"',
  apos: "'",
  "#39": "'",
  "#x27": "'",
  amp: "&",
  lt: "<",
  gt: ">",
};

/** Takes one layer of encoding off a text that comes in pieces. */
export class Unwrapper {
  readonly #encoding: Encoding;
  #held = "";

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  push(piece: string): string {
    const text = this.#held + piece;
    // An escape or entity may go on in the next piece.
    this.#held = text.slice(text.length - this.#open(text));
    return this.#decode(text.slice(0, text.length - this.#held.length));
  }

  end(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** How many of the last characters may be the beginning of something. */
  #open(text: string): number {
    if (this.#encoding === "HTML entities") return /&[#\w]{0,6}$/.exec(text.slice(-8))?.[0].length ?? 0;
    let escapes = 0;
    while (text[text.length - 1 - escapes] === "\\") escapes++;
    return escapes % 2;
  }

  #decode(text: string): string {
    return text.replace(PATTERNS[this.#encoding], (_, name: string) => CHARACTERS[name.toLowerCase()] ?? name);
  }
}
