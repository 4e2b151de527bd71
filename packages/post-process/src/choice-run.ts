import { type ChunkChoice, type Delta, GatewayError, type ToolCall } from "@gatewright/core";
import { ContentRun } from "./content-run.ts";
import { type KnownCall, withArguments, withContent } from "./delta.ts";
import { argumentsPath, choicePath, contentPath, goesOn, isBesides, mapSpoken, SpokenCalls } from "./spoken.ts";
import type { StepVerdict, Target } from "./step.ts";
import type { TextRun } from "./text-run.ts";

/** What a piece of a choice becomes: what comes before it, if anything, and itself. */
export interface Processed {
  readonly before: Delta | undefined;
  readonly choice: ChunkChoice;
}

/** One choice of an answer: its content and the arguments of its tool calls. */
export class ChoiceRun {
  readonly #index: number;
  readonly #beginText: (target: Target) => TextRun;
  readonly #content: ContentRun;
  readonly #calls = new SpokenCalls();
  readonly #runs = new Map<number, TextRun>();
  #refused = false;
  #pieces = 0;
  #ended = false;

  /** `begin` begins the work on one text; `mayCall`: tools are offered, so that prose may come beside their calls. */
  constructor(index: number, begin: (target: Target) => TextRun, mayCall: boolean) {
    this.#index = index;
    this.#beginText = begin;
    this.#content = new ContentRun(this.#begin("content", contentPath(index)), mayCall);
  }

  /** Passes a piece through the steps. Throws `llm.output.invalid_json`. */
  process(choice: ChunkChoice): Processed {
    const { content, refusal, tool_calls } = choice.delta;
    if (this.#ended) {
      // What has ended was judged as a whole. What is said behind that was not, and is not passed on.
      if (!goesOn(choice.delta)) return { before: undefined, choice };
      throw new GatewayError("llm.output.invalid_json", `${choicePath(this.#index)} goes on behind its finish reason.`);
    }
    let delta: Delta = choice.delta;
    if (content) delta = { ...delta, content: mapSpoken(content, (text) => this.#content.push(text)) };
    const calls = tool_calls?.map((call) => this.#call(call)) ?? [];
    // Readers count pieces without an index as well. They do not see those that are held back.
    const isWhole = ++this.#pieces === 1 && Boolean(choice.finish_reason);
    if (calls.length > 0) delta = { ...delta, tool_calls: piecesOf(calls, isWhole) };
    // What was kept back until a tool is called, or the model refuses, comes with that.
    const kept = isBesides(choice.delta) ? this.#content.leave() : "";
    if (refusal) this.#refused = true;
    if (kept !== "") delta = withContent(delta, kept);
    if (!choice.finish_reason) return { before: undefined, choice: { ...choice, delta } };
    return this.#finish({ ...choice, delta }, calls, choice.finish_reason, isWhole);
  }

  #finish(choice: ChunkChoice, calls: readonly KnownCall[], reason: string, isWhole: boolean): Processed {
    this.#ended = true;
    const truncated = reason === "length" || reason === "content_filter";
    const verdicts: StepVerdict[] = [];
    let before: Delta | undefined;
    let { delta } = choice;
    // A model that refuses behind the beginning of its answer has broken it off.
    const content = this.#content.end(truncated || this.#refused);
    if (content) {
      verdicts.push(...content.verdicts);
      if (choice.delta.content) delta = withContent(delta, content.rest);
      else if (content.rest !== "") before = { content: content.rest };
    }
    const rests = new Map<number, string>();
    for (const [index, run] of this.#runs) {
      const { rest, verdicts: made } = run.end(truncated);
      for (const verdict of made) verdicts.push(verdict);
      if (rest !== "") rests.set(index, rest);
    }
    if (rests.size > 0) {
      const here = withArguments(calls, rests);
      const left = [...rests].map(([index, text]) => ({ index, function: { arguments: text } }));
      if (left.length > 0) before = { ...before, tool_calls: left };
      if (calls.length > 0) delta = { ...delta, tool_calls: piecesOf(here, isWhole) };
    }
    const facts = verdicts.length > 0 ? { post_processing: verdicts } : {};
    return { before, choice: { ...choice, delta, ...facts } };
  }

  #call(call: ToolCall): KnownCall {
    const { index, isFunction, given } = this.#calls.see(call);
    if (!isFunction) return { index, call };
    const run = this.#runs.get(index) ?? this.#begin("arguments", argumentsPath(this.#index, index));
    this.#runs.set(index, run);
    if (given === undefined) return { index, call };
    return { index, call: { ...call, function: { ...call.function, arguments: run.push(given) } } };
  }

  #begin(kind: "content" | "arguments", path: string): TextRun {
    return this.#beginText({ kind, choice: this.#index, path });
  }
}

/** The pieces of calls, with their indexes; a whole call has none. */
function piecesOf(calls: readonly KnownCall[], isWhole: boolean): readonly ToolCall[] {
  return calls.map(({ index, call }) => (isWhole || call.index === index ? call : { ...call, index }));
}
