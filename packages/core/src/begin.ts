import type { ChatChunk, ChatReply } from "./chat.ts";
import { type ChunkIterator, iterate } from "./chunk-iterator.ts";
import type { Code, Phase } from "./codes.ts";
import { GatewayError } from "./error.ts";

/** How many chunks without visible content may come before the first visible one. */
const MAX_INVISIBLE = 1000;

/**
 * Waits for the first visible chunk of a reply and gives back the same reply with nothing missing. A failure before
 * that chunk is a rejection. From then on the reply ends normally only once every choice has a finish reason; an end
 * without one is thrown as `llm.stream.interrupted`.
 */
export async function begin(reply: ChatReply): Promise<ChatReply> {
  // In a pipeline of many layers each reply is looked at once.
  if (reply?.chunks instanceof BegunChunks) return reply;
  if (typeof reply?.chunks?.[Symbol.asyncIterator] !== "function") {
    throw new TypeError(
      "A layer or handler must answer a reply: an object with headers, and chunks that can be iterated.",
    );
  }
  const chunks = new BegunChunks(iterate(reply.chunks));
  await chunks.begin();
  return { headers: reply.headers, chunks };
}

/** Whether a chunk shows the caller anything: text, reasoning, a tool call, a refusal or a finish. */
function visible(chunk: ChatChunk): boolean {
  for (const choice of chunk.choices) {
    if (choice.finish_reason) return true;
    for (const name in choice.delta) if (name !== "role" && shows(choice.delta[name])) return true;
  }
  return false;
}

function shows(value: unknown): boolean {
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}

class BegunChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #source: ChunkIterator;
  readonly #head: ChatChunk[] = [];
  readonly #open = new Set<number>();
  readonly #finished = new Set<number>();
  #visible = false;
  #over = false;

  constructor(source: ChunkIterator) {
    this.#source = source;
  }

  async begin(): Promise<void> {
    while (!this.#visible) {
      const result = await this.#read();
      if (result.done) throw this.#interrupted("without an answer");
      this.#head.push(result.value);
      this.#visible = visible(result.value);
      if (!this.#visible && this.#head.length > MAX_INVISIBLE) {
        await this.return();
        throw new GatewayError("llm.provider.bad_response", `No visible answer in ${MAX_INVISIBLE} chunks.`);
      }
    }
  }

  next(): Promise<IteratorResult<ChatChunk, undefined>> {
    const value = this.#head.shift();
    return value === undefined ? this.#read() : Promise.resolve({ done: false, value });
  }

  ready(): ChatChunk | undefined {
    const held = this.#head.shift();
    if (held || this.#over) return held;
    const chunk = this.#source.ready?.();
    if (chunk) this.#track(chunk);
    return chunk;
  }

  async return(): Promise<IteratorResult<ChatChunk, undefined>> {
    this.#over = true;
    this.#head.length = 0;
    await this.#source.return?.();
    return END;
  }

  async #read(): Promise<IteratorResult<ChatChunk, undefined>> {
    if (this.#over) return END;
    let result: IteratorResult<ChatChunk, unknown>;
    try {
      result = await this.#source.next();
    } catch (error) {
      this.#over = true;
      if (!(error instanceof GatewayError)) throw error;
      if (this.#saidAll && ENDS.has(error.code)) return END;
      throw error.phase === "after" ? error : error.with({ phase: this.#phase });
    }
    if (!result.done) {
      this.#track(result.value);
      return result;
    }
    this.#over = true;
    if (this.#visible && !this.#saidAll) {
      throw this.#interrupted("before the answer was finished");
    }
    return END;
  }

  #track(chunk: ChatChunk): void {
    for (const { index, finish_reason } of chunk.choices) {
      if (finish_reason) {
        this.#finished.add(index);
        this.#open.delete(index);
      } else if (!this.#finished.has(index)) this.#open.add(index);
    }
  }

  #interrupted(how: string): GatewayError {
    return new GatewayError("llm.stream.interrupted", `The provider's stream ended ${how}.`, { phase: this.#phase });
  }

  get #saidAll(): boolean {
    return this.#open.size === 0 && this.#finished.size > 0;
  }

  get #phase(): Phase {
    return this.#visible ? "during" : "before";
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** How a stream may end whose answers have all finished: nothing that matters is missing. */
const ENDS: ReadonlySet<Code> = new Set(["llm.stream.interrupted", "llm.timeout.idle"]);

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
