import { replyUnlessAborted } from "../abort.ts";
import type { ChatChunk, Middleware } from "../chat.ts";
import { iterate } from "../chunk-iterator.ts";
import { HeldChunks } from "../held-chunks.ts";
import { wholeIn } from "../options.ts";

/** How much is held. */
export interface HoldOptions {
  /** How much of an answer is held, in characters of its JSON; default 4 Mi. */
  readonly maxChars?: number;
}

/**
 * Holds an answer until it has finished, so that a failure in its middle is a rejection: what is outside, `retry` and
 * `fallback`, cures it, and the caller only ever sees one whole answer, at the price of waiting for it. The gateway keeps
 * the connection of who waits for a stream open. An answer larger than `maxChars` is passed on from there as it comes.
 * Mount it inside `retry`. Throws a `TypeError` for a bad option.
 */
export function hold({ maxChars = 4 * 1024 * 1024 }: HoldOptions = {}): Middleware {
  wholeIn("hold", "maxChars", maxChars, 1, Number.MAX_SAFE_INTEGER);
  return async (request, next) => {
    // What does not listen to the signal is not waited for in its middle either.
    const reply = await replyUnlessAborted(next(request), request.call.signal);
    const source = iterate(reply.chunks);
    const held: ChatChunk[] = [];
    for (let size = 0; size < maxChars; ) {
      const result = await source.next();
      if (result.done) return { headers: reply.headers, chunks: new HeldChunks(held) };
      held.push(result.value);
      size += JSON.stringify(result.value).length;
    }
    return { headers: reply.headers, chunks: new HeldChunks(held, source) };
  };
}
