import { type ChunkChoice, type ContentPart, type Delta, GatewayError, type ToolCall } from "@gatewright/core";
import { ContentRun } from "./content-run.ts";
import type { PostProcessStep, StepVerdict } from "./step.ts";
import { TextRun, type VerdictListener } from "./text-run.ts";

/** What a piece of a choice becomes: what comes before it, if anything, and itself. */
export interface Processed {
  readonly before: Delta | undefined;
  readonly choice: ChunkChoice;
}

/** A piece of a tool call, and the index of the call. */
interface KnownCall {
  readonly index: number;
  readonly call: ToolCall;
}

/** One choice of an answer: its content and the arguments of its tool calls. */
export class ChoiceRun {
  readonly #index: number;
  readonly #steps: readonly PostProcessStep[];
  readonly #listener: VerdictListener;
  readonly #content: ContentRun;
  readonly #calls = new Map<number, { readonly run: TextRun; readonly id: string | undefined }>();
  #refused = false;
  #ended = false;

  constructor(index: number, steps: readonly PostProcessStep[], listener: VerdictListener, mayCall: boolean) {
    this.#index = index;
    this.#steps = steps;
    this.#listener = listener;
    this.#content = new ContentRun(this.#begin("content", "content"), mayCall);
  }

  /** Passes a piece through the steps. Throws `llm.output.invalid_json`. */
  process(choice: ChunkChoice): Processed {
    const { content, refusal, tool_calls } = choice.delta;
    if (this.#ended) {
      // What has ended was judged as a whole. What is said behind that was not, and is not passed on.
      if (!content?.length && !tool_calls?.length) return { before: undefined, choice };
      throw new GatewayError("llm.output.invalid_json", `choices[${this.#index}] goes on behind its finish reason.`);
    }
    if (refusal) this.#refused = true;
    let delta: Delta = choice.delta;
    if (content) delta = { ...delta, content: this.#pushContent(content) };
    const calls = tool_calls?.map((call) => this.#call(call)) ?? [];
    if (calls.length > 0) {
      // What was kept back until a tool is called comes with the call.
      const kept = this.#content.called();
      delta = { ...(kept === "" ? delta : withContent(delta, kept)), tool_calls: calls.map(({ call }) => call) };
    }
    if (!choice.finish_reason) return { before: undefined, choice: { ...choice, delta } };
    return this.#finish({ ...choice, delta }, calls, choice.finish_reason);
  }

  #finish(choice: ChunkChoice, calls: readonly KnownCall[], reason: string): Processed {
    this.#ended = true;
    const truncated = reason === "length" || reason === "content_filter";
    const verdicts: StepVerdict[] = [];
    let before: Delta | undefined;
    let { delta } = choice;
    const content = this.#refused ? undefined : this.#content.end(truncated);
    if (content) {
      verdicts.push(...content.verdicts);
      if (choice.delta.content) delta = withContent(delta, content.rest);
      else if (content.rest !== "") before = { content: content.rest };
    }
    for (const [index, { run }] of this.#calls) {
      const { rest, verdicts: made } = run.end(truncated);
      verdicts.push(...made);
      if (rest === "") continue;
      const here = calls.findIndex((call) => call.index === index);
      if (here !== -1) delta = withArguments(delta, here, rest);
      else
        before = { ...before, tool_calls: [...(before?.tool_calls ?? []), { index, function: { arguments: rest } }] };
    }
    const facts = verdicts.length > 0 ? { post_processing: verdicts } : {};
    return { before, choice: { ...choice, delta, ...facts } };
  }

  #pushContent(content: string | readonly ContentPart[]): string | readonly ContentPart[] {
    if (this.#refused) return content;
    if (typeof content === "string") return this.#content.push(content);
    return content.map((part) => (part.text === undefined ? part : { ...part, text: this.#content.push(part.text) }));
  }

  #call(call: ToolCall): KnownCall {
    const index = call.index ?? this.#indexOf(call);
    let known = this.#calls.get(index);
    // A tool of another kind has an input that is no JSON.
    if (!known && !call.function) return { index, call };
    if (!known) {
      known = { run: this.#begin("arguments", `tool_calls[${index}].function.arguments`), id: call.id };
      this.#calls.set(index, known);
    }
    const given = call.function?.arguments;
    if (typeof given !== "string") return { index, call };
    return { index, call: { ...call, function: { ...call.function, arguments: known.run.push(given) } } };
  }

  /** A piece without an index goes on with the call of its id; with a new id or a name it begins one; else with the last. */
  #indexOf({ id, function: named }: ToolCall): number {
    for (const [index, call] of this.#calls) if (id && call.id === id) return index;
    const last = Math.max(-1, ...this.#calls.keys());
    return !id && !named?.name ? Math.max(0, last) : last + 1;
  }

  #begin(kind: "content" | "arguments", path: string): TextRun {
    const target = { kind, choice: this.#index, path: `choices[${this.#index}].message.${path}` };
    return new TextRun(target, this.#steps, this.#listener);
  }
}

/** The piece with more content behind its own. */
function withContent(delta: Delta, more: string): Delta {
  const { content } = delta;
  if (!content || typeof content === "string") return { ...delta, content: `${content ?? ""}${more}` };
  const last = content.findLastIndex(({ text }) => text !== undefined);
  if (last === -1) return { ...delta, content: [...content, { type: "text", text: more }] };
  const parts = content.map((part, at) => (at === last ? { ...part, text: `${part.text}${more}` } : part));
  return { ...delta, content: parts };
}

/** The piece with more arguments behind those of the call at this place. */
function withArguments(delta: Delta, place: number, more: string): Delta {
  const calls = delta.tool_calls?.map((call, at) => {
    if (at !== place) return call;
    return { ...call, function: { ...call.function, arguments: `${call.function?.arguments ?? ""}${more}` } };
  });
  return { ...delta, ...(calls && { tool_calls: calls }) };
}
