import type { ChatChunk, GatewayError } from "@gatewright/core";
import { type Broken, ChoiceText } from "./choice-text.ts";
import type { Expected } from "./expectations.ts";
import { type Failure, type Judge, JudgedChunks } from "./judged-chunks.ts";

export interface Watch {
  /** How much a choice may say, in characters. */
  readonly maxChars: number;
  /** Told of the first choice that does not match; answers what to throw. */
  readonly note: (broken: Broken) => GatewayError;
  /** Told of every chunk. */
  readonly reported: (chunk: ChatChunk) => void;
}

/** The chunks of an answer; each choice is checked where it ends, before its end is passed on. Read once. */
export function checkedChunks(
  chunks: AsyncIterable<ChatChunk>,
  expected: Expected,
  watch: Watch,
  signal: AbortSignal,
): JudgedChunks {
  return new JudgedChunks(chunks, new AnswerCheck(expected, watch), signal);
}

class AnswerCheck implements Judge {
  readonly #expected: Expected;
  readonly #watch: Watch;
  readonly #choices = new Map<number, ChoiceText>();

  constructor(expected: Expected, watch: Watch) {
    this.#expected = expected;
    this.#watch = watch;
  }

  take(chunk: ChatChunk): readonly ChatChunk[] | Failure {
    this.#watch.reported(chunk);
    for (const choice of chunk.choices) {
      const broken = this.#choice(choice.index).take(choice);
      // What is too long, or does not end where it said, would go on.
      if (broken) return { thrown: this.#watch.note(broken), atEnd: broken.said !== undefined };
    }
    return [chunk];
  }

  behind(chunk: ChatChunk): void {
    this.#watch.reported(chunk);
  }

  #choice(index: number): ChoiceText {
    const known = this.#choices.get(index);
    if (known) return known;
    const begun = new ChoiceText(index, this.#expected, this.#watch.maxChars);
    this.#choices.set(index, begun);
    return begun;
  }
}
