import { GatewayError } from "@gatewright/core";
import type { StepVerdict } from "./step.ts";
import type { TextRun } from "./text-run.ts";

/** How much is kept until it is known whether it is left alone, in characters. */
const MAX_KEPT = 4 * 1024 * 1024;

/** What JSON begins with, or a fence around it; and what may become one of them. */
const LIKE_JSON = /^\s*(?:[[{]|```|~~~)/;
const UNDECIDED = /^\s*(?:`{0,2}|~{0,2})$/;

/** What is left of a text at its end. */
export interface Rest {
  readonly rest: string;
  readonly verdicts: readonly StepVerdict[];
}

/**
 * The content of a choice. Where tools are offered, prose may come beside their calls: content that does not begin like
 * JSON waits for the end. If a tool is called, or the model refuses, content of which nothing was given out is left alone.
 */
export class ContentRun {
  readonly #run: TextRun;
  readonly #mayCall: boolean;
  /** What was said, until something of it is given out. */
  #kept = "";
  #state: "undecided" | "waiting" | "json" | "alone" = "undecided";
  #begun = false;
  #said = false;

  constructor(run: TextRun, mayCall: boolean) {
    this.#run = run;
    this.#mayCall = mayCall;
  }

  push(piece: string): string {
    if (piece !== "") this.#said = true;
    if (this.#state === "alone") return piece;
    if (this.#begun) return this.#run.push(piece);
    const isJson = this.#state === "json";
    this.#kept += piece;
    if (this.#state === "undecided" && (!this.#mayCall || !UNDECIDED.test(this.#kept))) {
      this.#state = !this.#mayCall || LIKE_JSON.test(this.#kept) ? "json" : "waiting";
    }
    if (this.#state === "json") {
      const final = this.#run.push(isJson ? piece : this.#kept);
      if (final !== "") this.#begin();
      return this.#bounded(final);
    }
    return this.#bounded("");
  }

  /** A tool is called, or the model refuses. Answers what was kept, if it is left alone. */
  leave(): string {
    if (this.#begun || this.#state === "alone") return "";
    this.#state = "alone";
    return this.#take();
  }

  /** Answers the rest; `undefined` where the content was left alone. */
  end(truncated: boolean): Rest | undefined {
    if (this.#state === "alone" || !this.#said) return undefined;
    const begun = this.#begun || this.#state === "json" ? "" : this.#run.push(this.#take());
    const { rest, verdicts } = this.#run.end(truncated);
    return { rest: begun + rest, verdicts };
  }

  #begin(): void {
    this.#begun = true;
    this.#kept = "";
  }

  #bounded(final: string): string {
    if (this.#kept.length <= MAX_KEPT) return final;
    throw new GatewayError("llm.output.invalid_json", `The content has more than ${MAX_KEPT} characters of prose.`);
  }

  #take(): string {
    const kept = this.#kept;
    this.#kept = "";
    return kept;
  }
}
