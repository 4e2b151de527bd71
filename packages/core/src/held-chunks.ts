import type { ChatChunk } from "./chat.ts";
import type { ChunkIterator } from "./chunk-iterator.ts";

/** The chunks of a reply that are there already, and then those of a source, if there is one. Read once. */
export class HeldChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #held: readonly ChatChunk[];
  readonly #rest: ChunkIterator | undefined;
  #at = 0;

  constructor(held: readonly ChatChunk[], rest?: ChunkIterator) {
    this.#held = held;
    this.#rest = rest;
  }

  next(): Promise<IteratorResult<ChatChunk, unknown>> {
    const value = this.#held[this.#at++];
    if (value) return Promise.resolve({ done: false, value });
    return this.#rest ? this.#rest.next() : Promise.resolve({ done: true, value: undefined });
  }

  ready(): ChatChunk | undefined {
    return this.#held[this.#at++] ?? this.#rest?.ready?.();
  }

  async return(): Promise<IteratorResult<ChatChunk, unknown>> {
    this.#at = this.#held.length;
    await this.#rest?.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
