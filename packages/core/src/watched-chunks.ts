import type { ChatChunk } from "./chat.ts";
import type { ChunkIterator } from "./chunk-iterator.ts";

/** Who looks on while chunks are read. Of the ends it may be told several, and one again: the first counts. */
export interface ChunkWatcher {
  /** A chunk is there. What this throws changes nothing for the reader. */
  see(chunk: ChatChunk): void;
  /** They were read to their end. */
  completed(): void;
  /** Reading them failed. */
  broke(thrown: unknown): void;
  /** The reader has stopped. */
  left(): void;
}

/** The chunks of another iterator, each of them as it is, while somebody looks on. */
export class WatchedChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly source: ChunkIterator;
  readonly #watcher: ChunkWatcher;
  /** How many of the next chunks the watcher has seen already. */
  #known = 0;

  /** `inHand` are the chunks that the source gives first, and that are there already: they are seen at once, read or not. */
  constructor(source: ChunkIterator, watcher: ChunkWatcher, inHand: readonly ChatChunk[] = []) {
    this.source = source;
    this.#watcher = watcher;
    for (const chunk of inHand) this.#see(chunk);
    this.#known = inHand.length;
  }

  async next(): Promise<IteratorResult<ChatChunk, unknown>> {
    let result: IteratorResult<ChatChunk, unknown>;
    try {
      result = await this.source.next();
    } catch (thrown) {
      this.#watcher.broke(thrown);
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
    if (this.#known > 0) {
      this.#known--;
      return;
    }
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
