import { codePoint, NOT_SPACE, range, SPACE, unicodeProperty } from "./pattern-characters.ts";
import { PatternRefused } from "./pattern-refused.ts";

/** Groups may be nested so deep: each level may multiply the work of the next. */
const MAX_NESTING = 50;
const MAX_REPEATS = 1000;

const ANY = "(?s:.)";
const NONE = "[^\\x{0}-\\x{10ffff}]";
/** ECMA-262, 12.3: the dot matches none of these. */
const NO_LINE_END = "[^\\n\\r\\x{2028}\\x{2029}]";

/** A regular expression in the words of RE2, and what compiling that will take. */
export interface Translated {
  readonly text: string;
  /** How many instructions its program has at the most, all repeats written out. */
  readonly size: number;
}

/**
 * A regular expression of ECMA-262 in the words of RE2, which means some of the same ones differently. Characters are those of
 * Unicode, as with the flag `u` (JSON Schema Core 2020-12, 6.4). Throws a `PatternRefused` for what RE2 cannot run.
 */
export function toRe2(source: string): Translated {
  return new Translation(source).result();
}

class Translation {
  readonly #source: string;
  #at = 0;
  /** The sizes of what stands before each open group. */
  readonly #outer: number[] = [];
  /** Of the innermost open group, the size of all but its last part; and of that, which may be repeated. */
  #before = 0;
  #last = 0;

  constructor(source: string) {
    this.#source = source;
    // Many patterns escape what needs no escape, which the flag forbids.
    if (!isValid(source, "u") && !isValid(source, ""))
      throw new PatternRefused("must be a regular expression of ECMA-262");
  }

  result(): Translated {
    let text = "";
    while (this.#at < this.#source.length) text += this.#next();
    return { text, size: this.#before + this.#last };
  }

  #part(size: number): void {
    this.#before += this.#last;
    this.#last = size;
  }

  #next(): string {
    const char = this.#take();
    switch (char) {
      case "^":
        this.#part(1);
        return "\\A";
      case "$":
        this.#part(1);
        return "\\z";
      case ".":
        this.#part(1);
        return NO_LINE_END;
      case "[":
        this.#part(1);
        return this.#class();
      case "(":
        return this.#group();
      case "{":
        return this.#quantifier();
      case "\\":
        this.#part(1);
        return this.#escape();
      case ")":
        this.#last += this.#before;
        this.#before = this.#outer.pop() ?? 0;
        return char;
      case "|":
        // Itself, and an instruction for an alternative that is empty.
        this.#part(2);
        return char;
      case "*":
      case "+":
      case "?":
        this.#last++;
        return char;
      default:
        this.#part(1);
        return codePoint(char);
    }
  }

  /** What stands behind `(`. All groups become ones that capture nothing: whether a text matches is all we ask. */
  #group(): string {
    this.#outer.push(this.#before + this.#last);
    this.#before = 0;
    this.#last = 0;
    if (this.#outer.length > MAX_NESTING) throw new PatternRefused(`must nest at most ${MAX_NESTING} groups`);
    if (this.#takeMatch(/\?<?[=!]/y))
      throw new PatternRefused("looks ahead or behind, which takes more than linear time");
    if (!this.#takeMatch(/\?:|\?<[^>]*>/y) && this.#source[this.#at] === "?") {
      throw new PatternRefused("changes flags, which is not supported");
    }
    return "(?:";
  }

  /** What stands behind `{`. Without the flag `u` it may stand for itself. */
  #quantifier(): string {
    const [, least, comma = "", most = ""] = this.#takeMatch(/(\d+)(?:(,)(\d*))?\}/y) ?? [];
    if (least === undefined) {
      this.#part(1);
      return codePoint("{");
    }
    const times = Math.max(Number(least), Number(most));
    if (times > MAX_REPEATS) {
      throw new PatternRefused(`must repeat at most ${MAX_REPEATS.toLocaleString("en")} times`);
    }
    // Each repeat that may be left out is an instruction more.
    this.#last = this.#last * Math.max(times, 1) + (comma === "" ? 0 : times - Number(least) + 1);
    return `{${Number(least)}${comma}${most === "" ? "" : Number(most)}}`;
  }

  /** What stands behind a backslash, outside of brackets. */
  #escape(): string {
    if (this.#source[this.#at] === "b" || this.#source[this.#at] === "B") return `\\${this.#take()}`;
    const set = this.#set();
    return set === undefined ? codePoint(this.#escaped()) : `[${set}]`;
  }

  /** What stands behind `[`. */
  #class(): string {
    const negated = this.#takeMatch(/\^/y) !== undefined;
    let members = "";
    while (!this.#takeMatch(/\]/y)) members += this.#members();
    if (members === "") return negated ? ANY : NONE;
    return `[${negated ? "^" : ""}${members}]`;
  }

  /** One member of a class, or a range of them. */
  #members(): string {
    const low = this.#member();
    if (!this.#takeMatch(/-(?!\])/y)) return low.set ?? codePoint(low.char);
    const high = this.#member();
    if (low.char !== undefined && high.char !== undefined) return range(low.char, high.char);
    // Without the flag `u`, a set is no end of a range, and the dash stands for itself.
    return [low.set ?? codePoint(low.char), codePoint("-"), high.set ?? codePoint(high.char)].join("");
  }

  #member(): { readonly set?: undefined; readonly char: string } | { readonly set: string; readonly char?: undefined } {
    const char = this.#take();
    if (char !== "\\") return { char };
    const set = this.#set();
    if (set !== undefined) return { set };
    return { char: this.#takeMatch(/b/y) ? "\b" : this.#escaped() };
  }

  /** What escapes such as `\d` stand for, as members of a class; `undefined` for one that stands for one character. */
  #set(): string | undefined {
    const [name] = this.#takeMatch(/[dDwWsS]|[pP](?=\{)/y) ?? [];
    switch (name) {
      case "s":
        return SPACE;
      case "S":
        return NOT_SPACE;
      case "p":
      case "P":
        return unicodeProperty(this.#takeMatch(/\{([^}]*)\}/y)?.[1] ?? "", name === "P");
      default:
        return name && `\\${name}`;
    }
  }

  /** The one character that an escape stands for. */
  #escaped(): string {
    const hex = this.#takeMatch(/x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]+)\}/y);
    if (hex) return this.#pair(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "", 16));
    const control = this.#takeMatch(/c([a-zA-Z])/y)?.[1];
    if (control !== undefined) return String.fromCodePoint(control.charCodeAt(0) % 32);
    if (this.#takeMatch(/0(?!\d)/y)) return "\0";
    if (this.#takeMatch(/[\dk]/y))
      throw new PatternRefused("refers back to a group, which takes more than linear time");
    if (this.#takeMatch(/c/y)) throw new PatternRefused("names no control character");
    const char = this.#take();
    return CONTROLS.get(char) ?? char;
  }

  /** The character of a number, which may be the first half of one that is written as two escapes. */
  #pair(unit: number): string {
    if (unit > 0x10ffff) throw new PatternRefused("has a character that does not exist");
    const isFirst = unit >= 0xd800 && unit <= 0xdbff;
    const second = isFirst ? this.#takeMatch(/\\u([dD][c-fC-F][\da-fA-F]{2})/y)?.[1] : undefined;
    return String.fromCodePoint(unit) + (second === undefined ? "" : String.fromCharCode(Number.parseInt(second, 16)));
  }

  #take(): string {
    const char = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += char.length;
    return char;
  }

  /** Takes what a sticky expression matches here. */
  #takeMatch(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#source) ?? undefined;
    if (match) this.#at = expression.lastIndex;
    return match;
  }
}

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ["t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
]);

/** Whether it can be parsed. It is never run. */
function isValid(source: string, flags: string): boolean {
  try {
    new RegExp(source, flags);
    return true;
  } catch {
    return false;
  }
}
