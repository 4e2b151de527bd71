import type { ChatChunk, ChunkIterator } from "@gatewright/core";

/** Why an answer fails. */
export interface Failure {
  readonly thrown: unknown;
  /** Whether it fails where a choice of it ends: it was paid for, and what it has used may still come. */
  readonly atEnd: boolean;
}

/** What is done with the chunks of an answer. */
export interface Judge {
  /** What a chunk becomes, or why the answer fails. What it throws is a failure too, in the middle of the answer. */
  take(chunk: ChatChunk): readonly ChatChunk[] | Failure;
  /** Told of each chunk that comes behind a failure. */
  behind?(chunk: ChatChunk): void;
}

/** How many chunks are read behind a failure. */
const MAX_BEHIND = 10_000;

/**
 * The chunks of an answer as a judge lets them pass. An answer that fails at its end is read to the end of its source before
 * that is thrown, so that the layers below see its usage; one that fails in its middle is let go at once. Read once.
 */
export class JudgedChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #source: ChunkIterator;
  readonly #judge: Judge;
  readonly #signal: AbortSignal;
  readonly #waiting: ChatChunk[] = [];
  #failure: Failure | undefined;
  #over = false;
  #isLeft = false;
  #stop = (): void => {};

  /** `signal` is the call's: nothing is read behind a failure once it has aborted. */
  constructor(chunks: AsyncIterable<ChatChunk>, judge: Judge, signal: AbortSignal) {
    this.#source = chunks[Symbol.asyncIterator]();
    this.#judge = judge;
    this.#signal = signal;
  }

  async next(): Promise<IteratorResult<ChatChunk, undefined>> {
    for (;;) {
      const value = this.#waiting.shift();
      if (value) return { done: false, value };
      if (this.#failure) return this.#fail(this.#failure);
      if (this.#over) return { done: true, value: undefined };
      const result = await this.#source.next();
      if (result.done) this.#over = true;
      else this.#take(result.value);
    }
  }

  ready(): ChatChunk | undefined {
    while (this.#waiting.length === 0 && !this.#failure && !this.#over) {
      const chunk = this.#source.ready?.();
      if (!chunk) return undefined;
      this.#take(chunk);
    }
    return this.#waiting.shift();
  }

  async return(): Promise<IteratorResult<ChatChunk, undefined>> {
    this.#over = true;
    this.#waiting.length = 0;
    this.#stop();
    await this.#leave();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(chunk: ChatChunk): void {
    const made = this.#judged(chunk);
    if ("thrown" in made) {
      this.#failure = made;
      if (!made.atEnd) this.#letGo();
    } else this.#waiting.push(...made);
  }

  #judged(chunk: ChatChunk): readonly ChatChunk[] | Failure {
    try {
      return this.#judge.take(chunk);
    } catch (thrown) {
      return { thrown, atEnd: false };
    }
  }

  async #fail({ thrown, atEnd }: Failure): Promise<never> {
    if (atEnd && !this.#isLeft) {
      await this.#readOn();
      this.#letGo();
    }
    throw thrown;
  }

  /** Reads what comes behind a failure. How that ends makes no difference to it. */
  async #readOn(): Promise<void> {
    const stopped = new Promise<undefined>((resolve) => {
      this.#stop = () => resolve(undefined);
    });
    const stop = this.#stop;
    this.#signal.addEventListener("abort", stop, { once: true });
    try {
      for (let read = 0; read < MAX_BEHIND && !this.#signal.aborted && !this.#over; read++) {
        const result = await Promise.race([this.#source.next(), stopped]);
        if (!result) break;
        if (result.done) this.#isLeft = true;
        if (result.done) break;
        this.#judge.behind?.(result.value);
      }
    } catch {
      // It has failed already.
    } finally {
      this.#signal.removeEventListener("abort", stop);
    }
  }

  /** What has failed is not read on; if it cannot be let go either, its own failure is the one to tell. */
  #letGo(): void {
    this.#leave().catch(() => {});
  }

  /** Leaves the source, once. */
  async #leave(): Promise<void> {
    if (this.#isLeft) return;
    this.#isLeft = true;
    await this.#source.return?.();
  }
}
