import type { ChatChunk } from "./chat.ts";
import type { ChunkIterator } from "./chunk-iterator.ts";

/** Who looks on while chunks are read. What it throws changes nothing for the reader. */
export interface ChunkWatcher {
  /** A chunk is read. */
  see(chunk: ChatChunk): void;
  /** They were read to their end. */
  completed(): void;
  /** Reading them failed; may be told more than once. */
  failed(thrown: unknown): void;
  /** The reader has stopped. */
  left(): void;
}

/** The chunks of another iterator, each of them as it is, while somebody looks on. */
export class WatchedChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly source: ChunkIterator;
  readonly #watcher: ChunkWatcher;

  constructor(source: ChunkIterator, watcher: ChunkWatcher) {
    this.source = source;
    this.#watcher = watcher;
  }

  async next(): Promise<IteratorResult<ChatChunk, unknown>> {
    let result: IteratorResult<ChatChunk, unknown>;
    try {
      result = await this.source.next();
    } catch (thrown) {
      this.#watcher.failed(thrown);
      throw thrown;
    }
    if (result.done) this.#watcher.completed();
    else this.#see(result.value);
    return result;
  }

  ready(): ChatChunk | undefined {
    const chunk = this.source.ready?.();
    if (chunk) this.#see(chunk);
    return chunk;
  }

  async return(): Promise<IteratorResult<ChatChunk, unknown>> {
    this.#watcher.left();
    await this.source.return?.();
    return { done: true, value: undefined };
  }

  #see(chunk: ChatChunk): void {
    try {
      this.#watcher.see(chunk);
    } catch {
      // What cannot be looked into is passed on all the same.
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
