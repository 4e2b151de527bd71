import { type ChatChunk, type ChunkIterator, type Delta, GatewayError } from "@gatewright/core";
import { ChoiceRun } from "./choice-run.ts";
import type { PostProcessStep, Target } from "./step.ts";
import { TextRun, type VerdictListener } from "./text-run.ts";

/** How many texts of one answer are worked on: contents and the arguments of calls. */
const MAX_TEXTS = 1024;

/** The chunks of an answer, each text of it passed through the steps. Read once. */
export class ProcessedChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #source: ChunkIterator;
  readonly #begin: (index: number) => ChoiceRun;
  readonly #choices = new Map<number, ChoiceRun>();
  readonly #waiting: ChatChunk[] = [];
  #texts = 0;
  #broken: { readonly thrown: unknown } | undefined;
  #over = false;

  /** `mayCall`: tools are offered, so that prose may come beside their calls. */
  constructor(
    chunks: AsyncIterable<ChatChunk>,
    steps: readonly PostProcessStep[],
    listener: VerdictListener,
    mayCall: boolean,
  ) {
    this.#source = chunks[Symbol.asyncIterator]();
    const begin = (target: Target): TextRun => {
      if (++this.#texts <= MAX_TEXTS) return new TextRun(target, steps, listener);
      throw new GatewayError("llm.output.invalid_json", `The answer has more than ${MAX_TEXTS} texts to process.`);
    };
    this.#begin = (index) => new ChoiceRun(index, begin, mayCall);
  }

  async next(): Promise<IteratorResult<ChatChunk, undefined>> {
    for (;;) {
      const value = this.#waiting.shift();
      if (value) return { done: false, value };
      if (this.#broken) throw this.#broken.thrown;
      if (this.#over) return { done: true, value: undefined };
      const result = await this.#source.next();
      if (result.done) this.#over = true;
      else this.#take(result.value);
    }
  }

  ready(): ChatChunk | undefined {
    while (this.#waiting.length === 0 && !this.#broken && !this.#over) {
      const chunk = this.#source.ready?.();
      if (!chunk) return undefined;
      this.#take(chunk);
    }
    return this.#waiting.shift();
  }

  async return(): Promise<IteratorResult<ChatChunk, undefined>> {
    this.#over = true;
    this.#waiting.length = 0;
    // What is broken was let go.
    if (!this.#broken) await this.#source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(chunk: ChatChunk): void {
    try {
      const pieces = chunk.choices.map((choice) => this.#choice(choice.index).process(choice));
      const before = pieces.filter((piece) => piece.before !== undefined);
      if (before.length > 0) {
        const { usage: _, ...facts } = chunk;
        const choices = before.map(({ before: delta = {}, choice }) => ({
          index: choice.index,
          delta,
          finish_reason: null,
        }));
        this.#waiting.push({ ...facts, choices });
      }
      const changed = { ...chunk, choices: pieces.map(({ choice }) => choice) };
      if (!isEmptied(chunk, changed)) this.#waiting.push(changed);
    } catch (thrown) {
      this.#broken = { thrown };
      this.#letGo();
    }
  }

  /** What is broken is not read on; if it cannot be let go either, its own failure is the one to tell. */
  #letGo(): void {
    try {
      Promise.resolve(this.#source.return?.()).catch(() => {});
    } catch {
      // A source that throws at once is one that cannot be let go.
    }
  }

  #choice(index: number): ChoiceRun {
    const known = this.#choices.get(index);
    if (known) return known;
    const begun = this.#begin(index);
    this.#choices.set(index, begun);
    return begun;
  }
}

/** Fields of a chunk and of a choice that may be left out with it: they say nothing, or each chunk has them. */
const CHUNK_FIELDS = [
  "id",
  "object",
  "created",
  "model",
  "system_fingerprint",
  "service_tier",
  "obfuscation",
  "choices",
];
const CHOICE_FIELDS = ["index", "delta"];

/** Whether all that a chunk had to say is held back, so that it need not be sent. */
function isEmptied(chunk: ChatChunk, changed: ChatChunk): boolean {
  if (chunk.choices.length === 0 || hasMore(chunk, CHUNK_FIELDS)) return false;
  return changed.choices.every((choice, at) => {
    const said = chunk.choices[at]?.delta;
    return !hasMore(choice, CHOICE_FIELDS) && said !== undefined && shows(said) && !shows(choice.delta);
  });
}

/** Whether there is a fact beside those of the named fields. */
function hasMore(value: object, fields: readonly string[]): boolean {
  return Object.entries(value).some(
    ([name, fact]) => fact !== null && fact !== undefined && fact !== "" && !fields.includes(name),
  );
}

/** Whether a piece says anything, or begins a message or a call. */
function shows(delta: Delta): boolean {
  return Object.values(delta).some((value) => {
    if (!Array.isArray(value)) return value !== null && value !== undefined && value !== "";
    return value.some((item: unknown) => !isHeldCall(item));
  });
}

/** Whether it is a piece of a tool call without a name, an id or arguments, or a part of a content without text. */
function isHeldCall(item: unknown): boolean {
  if (typeof item !== "object" || item === null) return false;
  return Object.entries(item).every(([name, value]) => {
    if (name === "index" || name === "type" || value === "" || value === undefined || value === null) return true;
    return name === "function" && isHeldCall(value);
  });
}
