import { type ChatChunk, type ChunkIterator, EventReader, EventTooLargeError } from "@gatewright/core";

export interface EventChunksOptions {
  /** Makes a chunk of an event's data, or throws what is wrong with it. */
  readonly parse: (data: string) => ChatChunk;
  /** How many milliseconds more may be waited, once everything that must come has come; until then `undefined`. */
  readonly patienceMs: () => number | undefined;
  /** What to throw in place of an event that is larger than may be held. */
  readonly tooLarge: () => Error;
  /** Called once, when no more is read; `saidAll` once `[DONE]` was. */
  readonly release: (saidAll: boolean) => void;
}

/** The chunks of a stream of server-sent events, up to `[DONE]`. Those that came in one piece are ready together. */
export class EventChunks implements ChunkIterator {
  readonly #bytes: AsyncIterator<Uint8Array>;
  readonly #options: EventChunksOptions;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #reader = new EventReader();
  /** The data of events that came and are not taken yet, the next one last. */
  #waiting: string[] = [];
  #failed: { readonly thrown: unknown } | undefined;
  #over = false;

  constructor(bytes: AsyncIterable<Uint8Array>, options: EventChunksOptions) {
    this.#bytes = bytes[Symbol.asyncIterator]();
    this.#options = options;
  }

  async next(): Promise<IteratorResult<ChatChunk, undefined>> {
    for (;;) {
      const chunk = this.ready();
      if (chunk) return { done: false, value: chunk };
      if (this.#failed) {
        this.#end(false);
        throw this.#failed.thrown;
      }
      if (this.#over) return { done: true, value: undefined };
      await this.#readOn();
    }
  }

  ready(): ChatChunk | undefined {
    const data = this.#over || this.#failed ? undefined : this.#waiting.pop();
    if (data === undefined) return undefined;
    if (data === "[DONE]") {
      this.#end(true);
      return undefined;
    }
    try {
      return this.#options.parse(data);
    } catch (thrown) {
      this.#failed = { thrown };
      return undefined;
    }
  }

  async return(): Promise<IteratorResult<ChatChunk, undefined>> {
    this.#end(false);
    return { done: true, value: undefined };
  }

  async #readOn(): Promise<void> {
    try {
      const { done, value } = await this.#read();
      if (done) this.#end(false);
      else
        this.#waiting = this.#reader
          .read(this.#decoder.decode(value, { stream: true }))
          .map(({ data }) => data)
          .reverse();
    } catch (thrown) {
      this.#failed = { thrown: thrown instanceof EventTooLargeError ? this.#options.tooLarge() : thrown };
    }
  }

  /** The next bytes, or their end where none come any more that are missed. */
  #read(): Promise<IteratorResult<Uint8Array, unknown>> {
    const reading = this.#bytes.next();
    const patienceMs = this.#options.patienceMs();
    if (patienceMs === undefined) return reading;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve({ done: true, value: undefined }), patienceMs);
      reading.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #end(saidAll: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.release(saidAll);
  }
}
