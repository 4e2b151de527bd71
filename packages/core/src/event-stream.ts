import type { ChatChunk, ChatReply } from "./chat.ts";
import { type ChunkIterator, iterate } from "./chunk-iterator.ts";
import type { Clock } from "./clock.ts";
import { normalizer } from "./normalize.ts";
import { discard } from "./reply.ts";
import { eventText } from "./sse.ts";

export interface EventStreamOptions {
  /** Whether the caller asked for the chunk that holds only the usage. */
  readonly includeUsage: boolean;
  /** After how many milliseconds of silence a comment keeps the connection open. */
  readonly keepAliveMs: number;
  readonly clock: Clock;
  /** Whether the caller has waited for so long already: then a comment comes first. */
  readonly late?: boolean;
  /** The data of the event that ends a failed stream; `begun` where chunks of it were read before. */
  readonly onFailure: (thrown: unknown, begun: boolean) => object;
}

/**
 * A reply as the text of server-sent events: its chunks, then `[DONE]` where it completed, else an error event; where that
 * leaves tool calls unfinished, it then throws, so that the connection breaks off as well.
 * The reply may still be under way; comments are sent while there is nothing else to send.
 */
export async function* eventStream(
  replying: Promise<ChatReply>,
  { includeUsage, keepAliveMs, clock, late = false, onFailure }: EventStreamOptions,
): AsyncGenerator<string, void, undefined> {
  const silence = new Silence(clock, keepAliveMs);
  let chunks: ChunkIterator | undefined;
  let callsTools = false;
  try {
    if (late) yield COMMENT;
    let reply = await silence.orValue(replying);
    while (reply === SILENT) {
      yield COMMENT;
      reply = await silence.orValue(replying);
    }
    chunks = iterate(reply.chunks);
    const normalize = normalizer();
    const write = (chunk: ChatChunk): string => {
      callsTools ||= chunk.choices.some(({ delta }) => delta.tool_calls);
      return includeUsage || !onlyUsage(chunk) ? eventText(JSON.stringify(normalize(chunk))) : "";
    };
    for (;;) {
      const reading = chunks.next();
      let result = await silence.orValue(reading);
      while (result === SILENT) {
        yield COMMENT;
        result = await silence.orValue(reading);
      }
      if (result.done) break;
      let text = write(result.value);
      let more = chunks.ready?.();
      while (more) {
        text += write(more);
        more = text.length < MAX_TEXT ? chunks.ready?.() : undefined;
      }
      if (text !== "") yield text;
    }
    yield DONE;
  } catch (thrown) {
    yield eventText(JSON.stringify(onFailure(thrown, chunks !== undefined)));
    // Clients are known that take the clean end of a stream for the end of its tool calls, whatever event came before.
    if (callsTools) throw thrown;
  } finally {
    silence.end();
    if (chunks) await chunks.return?.();
    else replying.then(discard).catch(() => {});
  }
}

const DONE = eventText("[DONE]");
/** What keeps a connection open, and readers skip. */
export const COMMENT = ": keep-alive\n\n";
/** About how much text is written at once, in characters. */
const MAX_TEXT = 32 * 1024;
const SILENT: unique symbol = Symbol("nothing for a while");

function onlyUsage(chunk: ChatChunk): boolean {
  return chunk.choices.length === 0 && chunk.usage !== undefined && chunk.usage !== null;
}

/** Answers `SILENT` in place of a value that is not there after a while. One timer serves a whole stream. */
class Silence {
  readonly #clock: Clock;
  readonly #afterMs: number;
  #since: number;
  #wake: ((silent: typeof SILENT) => void) | undefined;
  #cancel: () => void;

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#since = clock.now();
    this.#cancel = clock.after(afterMs, () => this.#check());
  }

  orValue<T>(promise: Promise<T>): Promise<T | typeof SILENT> {
    this.#since = this.#clock.now();
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      promise.then(resolve, reject);
    });
  }

  end(): void {
    this.#cancel();
  }

  #check(): void {
    const left = this.#since + this.#afterMs - this.#clock.now();
    if (left <= 0) this.#wake?.(SILENT);
    this.#cancel = this.#clock.after(left > 0 ? left : this.#afterMs, () => this.#check());
  }
}
