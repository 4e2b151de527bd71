import type { ChatChunk } from "./chat.ts";
import type { ChunkIterator } from "./chunk-iterator.ts";

/** The chunks of another iterator, each passed through `change`: as it is, or a new one in its place. */
export class MappedChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #source: ChunkIterator;
  readonly #change: (chunk: ChatChunk) => ChatChunk;
  /** What went wrong where only `next` can say so. */
  #broken: { readonly thrown: unknown } | undefined;

  constructor(source: ChunkIterator, change: (chunk: ChatChunk) => ChatChunk) {
    this.#source = source;
    this.#change = change;
  }

  async next(): Promise<IteratorResult<ChatChunk, unknown>> {
    if (this.#broken) throw this.#broken.thrown;
    const result = await this.#source.next();
    return result.done ? result : { done: false, value: this.#changed(result.value) };
  }

  ready(): ChatChunk | undefined {
    const chunk = this.#broken ? undefined : this.#source.ready?.();
    try {
      return chunk && this.#changed(chunk);
    } catch (thrown) {
      this.#broken = { thrown };
      return undefined;
    }
  }

  async return(): Promise<IteratorResult<ChatChunk, unknown>> {
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  #changed(chunk: ChatChunk): ChatChunk {
    try {
      return this.#change(chunk);
    } catch (thrown) {
      // What the change broke is not read on; if it cannot be let go either, its own failure is the one to tell.
      this.#source.return?.().catch(() => {});
      throw thrown;
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
