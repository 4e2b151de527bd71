import { type ChatChunk, type Delta, GatewayError } from "@gatewright/core";
import { ChoiceRun, type Processed } from "./choice-run.ts";
import { type Failure, type Judge, JudgedChunks } from "./judged-chunks.ts";
import type { PostProcessStep, Target } from "./step.ts";
import { TextRun, type VerdictListener } from "./text-run.ts";

/** How many texts of one answer are worked on: contents and the arguments of calls. */
const MAX_TEXTS = 1024;

/** How an answer is worked on. */
export interface Work {
  readonly steps: readonly PostProcessStep[];
  readonly listener: VerdictListener;
  /** Whether tools are offered, so that prose may come beside their calls. */
  readonly mayCall: boolean;
}

/** The chunks of an answer, each text of it passed through the steps. Read once. */
export function processedChunks(chunks: AsyncIterable<ChatChunk>, work: Work, signal: AbortSignal): JudgedChunks {
  return new JudgedChunks(chunks, new AnswerRun(work), signal);
}

class AnswerRun implements Judge {
  readonly #work: Work;
  readonly #choices = new Map<number, ChoiceRun>();
  #texts = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  take(chunk: ChatChunk): readonly ChatChunk[] | Failure {
    const pieces: Processed[] = [];
    for (const choice of chunk.choices) {
      try {
        pieces.push(this.#choice(choice.index).process(choice));
      } catch (thrown) {
        return { thrown, atEnd: Boolean(choice.finish_reason) };
      }
    }
    const made: ChatChunk[] = [];
    const before = pieces.filter((piece) => piece.before !== undefined);
    if (before.length > 0) {
      const { usage: _, ...facts } = chunk;
      const choices = before.map(({ before: delta = {}, choice }) => ({
        index: choice.index,
        delta,
        finish_reason: null,
      }));
      made.push({ ...facts, choices });
    }
    const changed = { ...chunk, choices: pieces.map(({ choice }) => choice) };
    if (!isEmptied(chunk, changed)) made.push(changed);
    return made;
  }

  #choice(index: number): ChoiceRun {
    const known = this.#choices.get(index);
    if (known) return known;
    const begun = new ChoiceRun(index, (target) => this.#begin(target), this.#work.mayCall);
    this.#choices.set(index, begun);
    return begun;
  }

  #begin(target: Target): TextRun {
    if (++this.#texts <= MAX_TEXTS) return new TextRun(target, this.#work.steps, this.#work.listener);
    throw new GatewayError("llm.output.invalid_json", `The answer has more than ${MAX_TEXTS} texts to process.`);
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
