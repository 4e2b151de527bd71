import { GatewayError, redact } from "@gatewright/core";
import { answered } from "./answered.ts";
import type { Repair } from "./json-repairer.ts";
import type { PostProcessStep, StepRun, StepVerdict, Target } from "./step.ts";

/** Told of what a step made of a text; `raw` is the beginning of one that is unrepairable, with credentials masked. */
export type VerdictListener = (verdict: StepVerdict, raw: string | undefined) => void;

/** How much of a text is kept for whom it may concern, in characters: as much as `redact` looks at, and a sign of more. */
const MAX_RAW = 64 * 1024 + 1;

/** How much of a step's reason is told, in characters. */
const MAX_REASON = 200;

/** One text on its way through all steps. */
export class TextRun {
  readonly #target: Target;
  readonly #listener: VerdictListener;
  readonly #runs: readonly { readonly type: string; readonly run: StepRun }[];
  #raw = "";

  /** Throws a `TypeError` for a step whose run is none. */
  constructor(target: Target, steps: readonly PostProcessStep[], listener: VerdictListener) {
    this.#target = target;
    this.#listener = listener;
    this.#runs = steps.map((step) => ({ type: step.type, run: checkedRun(step.type, step.begin(target)) }));
  }

  /** Takes a piece. Answers what is final. Throws `llm.output.invalid_json`. */
  push(piece: string): string {
    if (this.#raw.length < MAX_RAW) this.#raw += piece.slice(0, MAX_RAW - this.#raw.length);
    return this.#through(0, piece);
  }

  /** Answers the rest, and what each step made of the text. Throws `llm.output.invalid_json`. */
  end(truncated: boolean): { readonly rest: string; readonly verdicts: readonly StepVerdict[] } {
    const verdicts: StepVerdict[] = [];
    let rest = "";
    for (const [at, { type, run }] of this.#runs.entries()) {
      const { text, ...made } = checkedEnd(type, run.end(truncated));
      const verdict: StepVerdict = { type, path: this.#target.path, ...made };
      if (verdict.verdict === "unrepairable") throw this.#failure(verdict);
      verdicts.push(verdict);
      this.#listener(verdict, undefined);
      rest += this.#through(at + 1, text);
    }
    return { rest, verdicts };
  }

  #through(first: number, text: string): string {
    let left = text;
    for (const { type, run } of this.#runs.slice(first)) {
      left = checkedText(type, "push", run.push(left));
      const reason = run.failure;
      if (reason !== undefined) {
        throw this.#failure({ type, path: this.#target.path, verdict: "unrepairable", fixes: [], reason });
      }
    }
    return left;
  }

  #failure(verdict: StepVerdict): GatewayError {
    const { raw, cause } = answered(this.#raw);
    this.#listener(verdict, raw);
    const { path, type, reason = "no reason was given" } = verdict;
    const told = redact(String(reason)).slice(0, MAX_REASON);
    const message = `${path} is not JSON, and ${type} cannot repair it: ${told}.`;
    return new GatewayError("llm.output.invalid_json", message, { cause });
  }
}

function checkedRun(type: string, run: StepRun): StepRun {
  if (typeof run?.push === "function" && typeof run.end === "function") return run;
  throw new TypeError(`The step ${type} must begin a run: push and end.`);
}

function checkedText(type: string, of: string, text: string): string {
  if (typeof text === "string") return text;
  throw new TypeError(`The step ${type} must answer ${of} with a text at once.`);
}

function checkedEnd(type: string, made: Repair): Repair {
  if (!["valid", "repaired", "unrepairable"].includes(made?.verdict)) {
    throw new TypeError(`The step ${type} must answer end with a verdict: valid, repaired or unrepairable.`);
  }
  if (!Array.isArray(made.fixes)) throw new TypeError(`The step ${type} must answer end with a list of fixes.`);
  checkedText(type, "end", made.text);
  return made;
}
