import { wholeIn } from "@gatewright/core";
import { CUT_OFF, type Ending, Undecided, Unrepairable } from "./ending.ts";
import { checkLeft, repairRest } from "./last-resort.ts";
import { isSpace, skipSpace } from "./look-ahead.ts";
import { Output } from "./output.ts";
import { MORE, Source } from "./source.ts";
import { Structure } from "./structure.ts";
import { Surroundings } from "./surroundings.ts";

/** How large a text may be, and what an empty one is. */
export interface RepairLimits {
  /** What a text becomes that is empty or only space, such as `{}`. Default: it is unrepairable. */
  readonly empty?: string;
  /** In characters; default 4 Mi. */
  readonly maxChars?: number;
  /** How deep objects and lists may nest; default 100. What is deeper is unrepairable also where it is valid. */
  readonly maxDepth?: number;
}

/** What came of a text. */
export interface Repair {
  /** `valid`: nothing was to be done. `unrepairable`: there is no text. */
  readonly verdict: "valid" | "repaired" | "unrepairable";
  readonly text: string;
  /** What was done, such as `code fence`, `trailing comma` or `truncated`. Empty where it was valid. */
  readonly fixes: readonly string[];
  /** Why it is unrepairable: completes the sentence "The text is unrepairable: …", and holds nothing of it. */
  readonly reason?: string;
}

/**
 * Repairs the JSON of one text that comes in pieces. What `push` and `end` give out makes, put together, the repaired
 * document; each prefix is final. Into which pieces the text was split makes no difference.
 */
export class JsonRepairer {
  readonly #source = new Source();
  readonly #output = new Output();
  readonly #around: Surroundings = new Surroundings(this.#source, this.#output);
  readonly #structure: Structure;
  readonly #maxChars: number;
  readonly #maxDepth: number;
  #stage: "around" | "within" | "scalar" | "undecided" = "around";
  #behind = false;
  /** Whether it is known that the text is no single literal, number or string. */
  #looked = false;
  #chars = 0;
  #pieces = 0;
  /** What the first piece gave out. */
  #begun = "";
  readonly #empty: string | undefined;
  #failure: string | undefined;

  /** Throws a `TypeError` for a bad limit. */
  constructor(limits: RepairLimits = {}) {
    const { maxChars, maxDepth } = checkedLimits("JsonRepairer", limits);
    this.#empty = limits.empty;
    this.#maxChars = maxChars;
    this.#maxDepth = maxDepth;
    this.#structure = new Structure(this.#source, this.#output, maxDepth);
  }

  /** Why the text is known to be unrepairable, if it is already. Then nothing more comes out. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes the next piece of the text. Answers what of the document is final by now. */
  push(piece: string): string {
    if (this.#failure !== undefined || piece === "") return "";
    if (typeof piece !== "string") {
      this.#failure = "it is no text";
      return "";
    }
    this.#chars += piece.length;
    if (this.#chars > this.#maxChars) {
      this.#failure = `it has more than ${this.#maxChars} characters`;
      return "";
    }
    if (this.#source.add(piece)) this.#run();
    const final = this.#output.take();
    this.#begun = ++this.#pieces === 1 ? final : "";
    return final;
  }

  /** The text is over. Answers the rest of the document; `text` is only that. */
  end(ending: Ending = "stop"): Repair {
    this.#structure.ending = ending;
    if (this.#failure === undefined) {
      this.#source.end();
      this.#run();
    }
    if (this.#failure === undefined && !this.#behind) {
      const isEmpty = this.#output.fixes.size === 0;
      if (isEmpty && this.#empty !== undefined) return { verdict: "repaired", text: this.#empty, fixes: ["empty"] };
      this.#failure = isEmpty ? "it is empty" : "there is no JSON in it";
    }
    this.#checkEnd(ending);
    const fixes = [...this.#output.fixes];
    if (this.#failure !== undefined) return { verdict: "unrepairable", text: "", fixes, reason: this.#failure };
    const text = this.#output.take();
    // What is given out parses, whatever the rules have missed. Of a text in several pieces it is too late to say so.
    if (fixes.length > 0 && this.#pieces === 1 && !parses(this.#begun + text)) {
      return { verdict: "unrepairable", text: "", fixes, reason: "its repair came out wrong" };
    }
    return { verdict: fixes.length > 0 ? "repaired" : "valid", text, fixes };
  }

  /** A document that only seems complete, since its brackets do not match, may have been cut as well. */
  #checkEnd(ending: Ending): void {
    const { fixes } = this.#output;
    if (ending === "stop" || !(fixes.has("missing bracket") || fixes.has("wrong bracket"))) return;
    if (ending === "cut") fixes.add("truncated");
    else this.#failure ??= CUT_OFF;
  }

  #run(): void {
    try {
      while (this.#step());
    } catch (thrown) {
      if (thrown === MORE) return;
      if (thrown instanceof Undecided) this.#undecided();
      else if (thrown instanceof Unrepairable) this.#failure = thrown.message;
      else throw thrown;
    }
  }

  /** Answers whether there may be more to do. */
  #step(): boolean {
    if (this.#stage === "undecided") return this.#endUndecided();
    if (this.#stage === "within") {
      if (this.#structure.step()) {
        this.#stage = "around";
        this.#behind = true;
        this.#around.leaveValue();
      }
      return true;
    }
    if (this.#stage === "scalar") {
      if (!this.#source.ended) return false;
      this.#endScalar();
    } else if (this.#around.fresh && !this.#behind && !this.#looked && this.#mayBeScalar()) {
      this.#stage = "scalar";
      return true;
    }
    const atEnd = this.#source.ended && this.#source.waiting === 0;
    if (this.#around.step()) {
      this.#stage = "within";
      this.#structure.begin();
      return true;
    }
    return !atEnd;
  }

  /** Whether the text may be one literal, number or string as a whole, which is seen at its end. */
  #mayBeScalar(): boolean {
    const char = this.#source.at(0);
    if (!/[-"\dtfn]/.test(char)) return false;
    if (char === '"') return true;
    const length = this.#source.run(SCALAR, MAX_SCALAR);
    const next = length > MAX_SCALAR ? "" : this.#source.at(skipSpace(this.#source, length));
    return next === "" || isSpace(next);
  }

  #endScalar(): void {
    const { rest } = this.#source;
    this.#stage = "around";
    this.#looked = true;
    if (!isScalar(rest)) return;
    // More digits may have followed.
    if (this.#structure.ending !== "stop" && /\d$/.test(rest)) throw new Unrepairable(CUT_OFF);
    this.#around.leaveSpace();
    this.#output.write(this.#source.take(rest.length));
    this.#behind = true;
  }

  #undecided(): void {
    this.#stage = "undecided";
    this.#run();
  }

  #endUndecided(): boolean {
    checkLeft(this.#source);
    if (!this.#source.ended) return false;
    // What the library would make of the end of a text that breaks off is not known to be what was there.
    if (this.#structure.ending !== "stop") throw new Unrepairable(CUT_OFF);
    this.#output.write(repairRest(this.#source, this.#output, this.#structure, this.#maxDepth));
    this.#behind = true;
    return false;
  }
}

/** The limits with their defaults. Throws a `TypeError` that names a bad one, of the given part. */
export function checkedLimits(
  part: string,
  { maxChars = 4 * 1024 * 1024, maxDepth = 100 }: RepairLimits,
): { readonly maxChars: number; readonly maxDepth: number } {
  wholeIn(part, "maxChars", maxChars, 1, 64 * 1024 * 1024);
  wholeIn(part, "maxDepth", maxDepth, 1, 1000);
  return { maxChars, maxDepth };
}

/** How long a word may be, in characters, that is looked at before it is taken for one that is the whole text. */
const MAX_SCALAR = 64;
const SCALAR = /[\w.+-]+/y;

function isScalar(text: string): boolean {
  return parses(text) && !/^\s*[[{]/.test(text);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
