import type { ChunkChoice, Delta, GatewayError, ToolCall } from "@gatewright/core";
import { answered } from "./answered.ts";
import type { Expected } from "./expectations.ts";
import { type Fault, outputError } from "./output-error.ts";
import { argumentsPath, choicePath, contentPath, contentText, goesOn, isBesides, SpokenCalls } from "./spoken.ts";

/** An answer that does not match: the error of it, and what the model had said. */
export interface Broken {
  readonly error: GatewayError;
  /** `undefined` where it is not to be said again: it is too much, or did not end where it said. */
  readonly said: Said | undefined;
}

/** What the model has said in one choice. */
export interface Said {
  readonly content: string;
  readonly calls: readonly SaidCall[];
}

interface SaidCall {
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: string;
  /** What is wrong with it. */
  readonly faults: readonly Fault[];
}

/** A call of a function, as far as it has come. */
interface CallText {
  readonly id: string | undefined;
  readonly name: string;
  readonly arguments: string;
  /** Whether pieces of it name different calls: whoever reads it may take it for either. */
  readonly isMixed: boolean;
}

/** What of one choice is checked, as far as it has come. */
export class ChoiceText {
  readonly #index: number;
  readonly #expected: Expected;
  readonly #maxChars: number;
  readonly #spoken = new SpokenCalls();
  readonly #calls = new Map<number, CallText>();
  #content = "";
  #size = 0;
  /** Whether the content is not the answer: who calls tools has not answered yet, and who refuses does not answer. */
  #isBeside = false;
  #ended = false;

  constructor(index: number, expected: Expected, maxChars: number) {
    this.#index = index;
    this.#expected = expected;
    this.#maxChars = maxChars;
  }

  /** Takes a piece. Answers what is wrong: with the whole, once it has ended, or with its length. */
  take({ delta, finish_reason }: ChunkChoice): Broken | undefined {
    if (this.#ended) return goesOn(delta) ? this.#broken("json", "goes on behind its finish reason") : undefined;
    this.#add(delta);
    if (this.#size > this.#maxChars) {
      return this.#broken("schema", `is longer than the ${this.#maxChars} characters that are checked`);
    }
    if (!finish_reason) return undefined;
    this.#ended = true;
    // What a filter has taken away is told by the finish reason.
    if (finish_reason === "content_filter" && this.#size === 0) return undefined;
    return this.#check(finish_reason);
  }

  #add(delta: Delta): void {
    if (delta.refusal || (this.#expected.mayCall && isBesides(delta))) this.#isBeside = true;
    const text = contentText(delta);
    this.#content += text;
    this.#size += text.length;
    for (const call of delta.tool_calls ?? []) this.#call(call);
  }

  #call(call: ToolCall): void {
    const { index, isFunction, given = "" } = this.#spoken.see(call);
    if (!isFunction) return;
    const known = this.#calls.get(index);
    const { id = known?.id } = call;
    const name = call.function?.name || known?.name || "";
    this.#calls.set(index, {
      id: known?.id ?? id,
      name,
      arguments: (known?.arguments ?? "") + given,
      isMixed: known !== undefined && (known.isMixed || differ(known.name, name) || differ(known.id, id)),
    });
    this.#size += given.length;
  }

  #check(reason: string): Broken | undefined {
    const { content, tools } = this.#expected;
    const calls = [...this.#calls].map(([at, { isMixed, ...call }]): SaidCall => {
      const path = argumentsPath(this.#index, at);
      const mixed: Fault = { kind: "arguments", path, message: "are of a call that has two names" };
      return { ...call, faults: isMixed ? [mixed] : (tools?.(call.name, call.arguments, path) ?? []) };
    });
    const ofContent = this.#isBeside ? [] : (content?.(this.#content, contentPath(this.#index)) ?? []);
    const faults = [...calls.flatMap((call) => call.faults), ...ofContent];
    if (faults.length === 0) return undefined;
    const failing = calls.find((call) => call.faults.length > 0)?.arguments ?? this.#content;
    return {
      error: outputError(faults, { reason, cause: answered(failing).cause }),
      said: { content: this.#content, calls },
    };
  }

  /** What is wrong is not for the model to mend. */
  #broken(kind: Fault["kind"], message: string): Broken {
    const [call] = this.#calls.values();
    const { cause } = answered(this.#content || (call?.arguments ?? ""));
    const fault: Fault = { kind, path: `${choicePath(this.#index)}.message`, message };
    return { error: outputError([fault], { cause }), said: undefined };
  }
}

/** Whether both are there, and are not the same. */
function differ(one: string | undefined, other: string | undefined): boolean {
  return Boolean(one) && Boolean(other) && one !== other;
}
