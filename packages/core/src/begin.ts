import type { ChatChunk, ChatReply } from "./chat.ts";
import { type ChunkIterator, iterate } from "./chunk-iterator.ts";
import type { Code, Phase } from "./codes.ts";
import { GatewayError } from "./error.ts";
import { WatchedChunks } from "./watched-chunks.ts";

/** How many chunks without visible content may come before the first visible one. */
const MAX_INVISIBLE = 1000;

/**
 * Waits for the first visible chunk of a reply and gives back the same reply with nothing missing. A failure before
 * that chunk is a rejection. From then on the reply ends normally only once every choice has a finish reason; an end
 * without one is thrown as `llm.stream.interrupted`.
 */
export async function begin(reply: ChatReply): Promise<ChatReply> {
  if (hasBegun(reply)) return reply;
  if (typeof reply?.chunks?.[Symbol.asyncIterator] !== "function") {
    throw new TypeError(
      "A layer or handler must answer a reply: an object with headers, and chunks that can be iterated.",
    );
  }
  const chunks = new BegunChunks(iterate(reply.chunks));
  await chunks.begin();
  return { headers: reply.headers, chunks };
}

/** Whether `begin` has waited for this very reply: in a pipeline of many layers each is looked at once. */
export function hasBegun(reply: ChatReply): boolean {
  return begunChunks(reply) !== undefined;
}

/** The chunks of a reply that has begun which nobody has read yet: up to its first visible one. */
export function inHand(reply: ChatReply): readonly ChatChunk[] {
  return begunChunks(reply)?.head ?? [];
}

function begunChunks(reply: ChatReply): BegunChunks | undefined {
  let chunks: AsyncIterable<ChatChunk> | ChunkIterator | undefined = reply?.chunks;
  // Who only looks on changes nothing.
  while (chunks instanceof WatchedChunks) chunks = chunks.source;
  return chunks instanceof BegunChunks ? chunks : undefined;
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
  /** What was read to begin, and nobody has taken yet. */
  readonly head: ChatChunk[] = [];
  /** Whether they have finished, by the index of the choice. */
  readonly #choices = new Map<number, boolean>();
  #visible = false;
  #over = false;

  constructor(source: ChunkIterator) {
    this.#source = source;
  }

  async begin(): Promise<void> {
    while (!this.#visible) {
      const chunk = this.#taken() ?? (await this.#read()).value;
      if (!chunk) throw this.#interrupted("without an answer");
      this.head.push(chunk);
      this.#visible = visible(chunk);
      if (!this.#visible && this.head.length > MAX_INVISIBLE) {
        await this.return();
        throw new GatewayError("llm.provider.bad_response", `No visible answer in ${MAX_INVISIBLE} chunks.`);
      }
    }
  }

  next(): Promise<IteratorResult<ChatChunk, undefined>> {
    const value = this.head.shift();
    return value === undefined ? this.#read() : Promise.resolve({ done: false, value });
  }

  ready(): ChatChunk | undefined {
    return this.head.shift() ?? this.#taken();
  }

  #taken(): ChatChunk | undefined {
    const chunk = this.#over ? undefined : this.#source.ready?.();
    if (chunk) this.#track(chunk);
    return chunk;
  }

  async return(): Promise<IteratorResult<ChatChunk, undefined>> {
    this.#over = true;
    this.head.length = 0;
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
      if (finish_reason) this.#choices.set(index, true);
      else if (!this.#choices.has(index)) this.#choices.set(index, false);
    }
  }

  #interrupted(how: string): GatewayError {
    return new GatewayError("llm.stream.interrupted", `The provider's stream ended ${how}.`, { phase: this.#phase });
  }

  get #saidAll(): boolean {
    return this.#choices.size > 0 && !this.#choices.values().some((finished) => !finished);
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
