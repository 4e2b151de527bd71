import type { ChatChunk, ChunkChoice, ChunkIterator, Delta, GatewayError, ToolCall } from "@gatewright/core";
import type { Expected } from "./expectations.ts";
import { type Fault, outputError } from "./output-error.ts";

/** An answer that does not match: the error of it, and what the model had said. */
export interface Broken {
  readonly error: GatewayError;
  /** `undefined` where it is too much to be said again. */
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

export interface Watch {
  /** How large a text may be, in characters. */
  readonly maxChars: number;
  /** Told of the first choice that does not match; answers what to throw. */
  readonly note: (broken: Broken) => GatewayError;
  /** Told of every chunk. */
  readonly reported: (chunk: ChatChunk) => void;
}

/** The chunks of an answer; each choice is checked where it ends, before its end is passed on. Read once. */
export class CheckedChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #source: ChunkIterator;
  readonly #expected: Expected;
  readonly #watch: Watch;
  readonly #choices = new Map<number, ChoiceText>();
  #broken: { readonly thrown: unknown } | undefined;

  constructor(chunks: AsyncIterable<ChatChunk>, expected: Expected, watch: Watch) {
    this.#source = chunks[Symbol.asyncIterator]();
    this.#expected = expected;
    this.#watch = watch;
  }

  async next(): Promise<IteratorResult<ChatChunk, undefined>> {
    this.#throwIfBroken();
    const result = await this.#source.next();
    if (result.done) return { done: true, value: undefined };
    this.#check(result.value);
    this.#throwIfBroken();
    return { done: false, value: result.value };
  }

  ready(): ChatChunk | undefined {
    const chunk = this.#broken ? undefined : this.#source.ready?.();
    if (chunk) this.#check(chunk);
    // Only `next` can say so.
    return this.#broken ? undefined : chunk;
  }

  async return(): Promise<IteratorResult<ChatChunk, undefined>> {
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #throwIfBroken(): void {
    if (this.#broken) throw this.#broken.thrown;
  }

  #check(chunk: ChatChunk): void {
    this.#watch.reported(chunk);
    for (const choice of chunk.choices) {
      const text = this.#choices.get(choice.index) ?? new ChoiceText();
      this.#choices.set(choice.index, text);
      text.add(choice.delta);
      const tooLong = text.size > this.#watch.maxChars;
      if (!choice.finish_reason && !tooLong) continue;
      const error = tooLong ? this.#tooLong(choice) : text.check(choice, this.#expected);
      if (!error) continue;
      this.#broken = {
        thrown: this.#watch.note({ error, said: tooLong ? undefined : text.said(choice.index, this.#expected) }),
      };
      // What is broken is not read on; if it cannot be let go either, its own failure is the one to tell.
      this.#source.return?.().catch(() => {});
      return;
    }
  }

  #tooLong({ index }: ChunkChoice): GatewayError {
    const message = `is longer than the ${this.#watch.maxChars} characters that are checked`;
    return outputError([{ kind: "schema", path: `choices[${index}].message`, message }]);
  }
}

/** What of one choice is checked, as far as it has come. */
class ChoiceText {
  #content = "";
  #refused = false;
  readonly #calls = new Map<number, { id: string | undefined; name: string; arguments: string }>();
  size = 0;

  add({ content, refusal, tool_calls }: Delta): void {
    if (refusal) this.#refused = true;
    const text = typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");
    this.#content += text;
    this.size += text.length;
    for (const [place, call] of (tool_calls ?? []).entries()) this.#call(call, place);
  }

  /** The error of what is wrong with it now that it has ended; `undefined` where nothing is. */
  check({ index, finish_reason }: ChunkChoice, expected: Expected): GatewayError | undefined {
    // What a filter has taken away is told by the finish reason.
    if (finish_reason === "content_filter" && this.size === 0) return undefined;
    const faults = this.#faults(index, expected);
    return faults.length > 0 ? outputError(faults, finish_reason === "length") : undefined;
  }

  said(index: number, expected: Expected): Said {
    const calls = [...this.#calls].map(([at, call]) => ({
      ...call,
      faults: expected.tools?.(call.name, call.arguments, pathOf(index, at)) ?? [],
    }));
    return { content: this.#content, calls };
  }

  #faults(index: number, expected: Expected): readonly Fault[] {
    const calls = this.said(index, expected).calls.flatMap(({ faults }) => faults);
    // Who calls tools has not answered yet, and who refuses does not answer.
    if (calls.length > 0 || this.#calls.size > 0 || this.#refused) return calls;
    return expected.content?.(this.#content, `choices[${index}].message.content`) ?? [];
  }

  #call(call: ToolCall, place: number): void {
    // Tools of other kinds have an input that is no JSON.
    const at = call.index ?? place;
    const known = this.#calls.get(at);
    if (!known && !call.function) return;
    const { name = "", arguments: given = "" } = call.function ?? {};
    this.#calls.set(at, {
      id: known?.id ?? call.id,
      name: known?.name || name,
      arguments: (known?.arguments ?? "") + given,
    });
    this.size += given.length;
  }
}

function pathOf(choice: number, call: number): string {
  return `choices[${choice}].message.tool_calls[${call}].function.arguments`;
}
