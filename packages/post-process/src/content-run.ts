import { GatewayError } from "@gatewright/core";
import type { StepVerdict } from "./step.ts";
import type { TextRun } from "./text-run.ts";

/** How much prose is kept until it is known whether tool calls follow, in characters. */
const MAX_PROSE = 4 * 1024 * 1024;

/** What is left of a text at its end. */
export interface Rest {
  readonly rest: string;
  readonly verdicts: readonly StepVerdict[];
}

/**
 * The content of a choice. Where tools are offered, prose may come beside their calls: content that does not begin like
 * JSON waits for the end, and is left alone if a tool is called.
 */
export class ContentRun {
  readonly #run: TextRun;
  readonly #mayCall: boolean;
  #prose = "";
  #state: "undecided" | "waiting" | "json" | "alone" = "undecided";
  #said = false;

  constructor(run: TextRun, mayCall: boolean) {
    this.#run = run;
    this.#mayCall = mayCall;
  }

  push(piece: string): string {
    if (piece !== "") this.#said = true;
    if (this.#state === "alone") return piece;
    if (this.#state === "undecided" && piece.trim() !== "") {
      this.#state = this.#mayCall && !/^\s*[[{`~]/.test(piece) ? "waiting" : "json";
    }
    if (this.#state === "json") return this.#run.push(this.#takeProse() + piece);
    this.#prose += piece;
    if (this.#prose.length > MAX_PROSE) {
      throw new GatewayError("llm.output.invalid_json", `The content has more than ${MAX_PROSE} characters of prose.`);
    }
    return "";
  }

  /** A tool is called. Answers what was kept, if it is left alone. */
  called(): string {
    if (this.#state === "json" || this.#state === "alone") return "";
    this.#state = "alone";
    return this.#takeProse();
  }

  /** Answers the rest; `undefined` where the content was left alone. */
  end(truncated: boolean): Rest | undefined {
    if (this.#state === "alone" || !this.#said) return undefined;
    const begun = this.#run.push(this.#takeProse());
    const { rest, verdicts } = this.#run.end(truncated);
    return { rest: begun + rest, verdicts };
  }

  #takeProse(): string {
    const prose = this.#prose;
    this.#prose = "";
    return prose;
  }
}
