import { type Ending, Undecided, Unrepairable } from "./ending.ts";
import { checkLeft, repairRest } from "./last-resort.ts";
import { skipSpace } from "./look-ahead.ts";
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
  readonly #empty: string | undefined;
  #failure: string | undefined;

  constructor({ maxChars = 4 * 1024 * 1024, maxDepth = 100, empty }: RepairLimits = {}) {
    this.#empty = empty;
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
    this.#chars += piece.length;
    if (this.#chars > this.#maxChars) {
      this.#failure = `it has more than ${this.#maxChars} characters`;
      return "";
    }
    this.#source.add(piece);
    this.#run();
    return this.#output.take();
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
    const fixes = [...this.#output.fixes];
    if (this.#failure !== undefined) return { verdict: "unrepairable", text: "", fixes, reason: this.#failure };
    return { verdict: fixes.length > 0 ? "repaired" : "valid", text: this.#output.take(), fixes };
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
    if (this.#around.step()) {
      this.#stage = "within";
      this.#structure.begin();
      return true;
    }
    return !this.#source.ended || this.#source.waiting > 0;
  }

  /** Whether the text may be one literal, number or string as a whole, which is seen at its end. */
  #mayBeScalar(): boolean {
    const char = this.#source.at(0);
    if (!/[-"\dtfn]/.test(char)) return false;
    if (char === '"') return true;
    let at = 0;
    while (at < MAX_SCALAR && /[\w.+-]/.test(this.#source.at(at))) at++;
    return this.#source.at(skipSpace(this.#source, at)) === "";
  }

  #endScalar(): void {
    const { rest } = this.#source;
    this.#stage = "around";
    this.#looked = true;
    if (!isScalar(rest)) return;
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
    if (this.#structure.ending === "refuse") throw new Unrepairable("it was cut off");
    this.#output.write(repairRest(this.#source, this.#output, this.#structure, this.#maxDepth));
    this.#behind = true;
    return false;
  }
}

/** How long a number may be that is the whole text, in characters. */
const MAX_SCALAR = 4096;

function isScalar(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value !== "object" || value === null;
  } catch {
    return false;
  }
}
