import { letGo, OTHER_WON, OVER, unlessAborted } from "../abort.ts";
import type { ChatReply, Middleware } from "../chat.ts";
import { type ChunkIterator, iterate } from "../chunk-iterator.ts";
import { type Clock, MAX_DELAY_MS, systemClock } from "../clock.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import { numberIn, wholeIn } from "../options.ts";

/** How much is read on. */
export interface DrainOptions {
  /** How long an answer is waited for and read on once its caller has left, in milliseconds; default 30,000. */
  readonly maxMs?: number;
  /** How much of it is read on, in characters of its JSON; default 4 Mi. */
  readonly maxChars?: number;
  readonly clock?: Clock;
}

/**
 * Where the caller leaves, reads the answer on to its end, so that what is below counts its true usage; without this
 * layer a call is canceled at once. What is outside of it sees a canceled call all the same. Either limit, and the
 * call's deadline, cancel what is left. A layer outside that ends the call before its caller leaves, such as `timeout`, ends
 * this too; what is to end calls whose callers have left, such as `endOn`, goes inside. Throws a `TypeError` for a bad option.
 */
export function drain({
  maxMs = 30_000,
  maxChars = 4 * 1024 * 1024,
  clock = systemClock,
}: DrainOptions = {}): Middleware {
  numberIn("drain", "maxMs", maxMs, 1, MAX_DELAY_MS);
  wholeIn("drain", "maxChars", maxChars, 1, Number.MAX_SAFE_INTEGER);

  return async (request, next) => {
    const { call } = request;
    call.signal.throwIfAborted();
    // Below, the call goes on without its caller.
    const below = new AbortController();
    const beginning = next({ ...request, call: { ...call, signal: below.signal } });
    let source: ChunkIterator | undefined;
    /** The reading that is under way: nobody else may read until it is done. */
    let reading: ReturnType<ChunkIterator["next"]> | undefined;
    let over = false;

    const readOn = async (): Promise<void> => {
      const leftMs = Math.min(maxMs, Math.max(0, call.context.get(deadline) - clock.now()));
      const stopTimer = clock.after(leftMs, () => below.abort(ENOUGH));
      try {
        source ??= iterate((await unlessAborted(beginning, below.signal, letGo)).chunks);
        for (let size = 0; size < maxChars; ) {
          const { done, value } = await unlessAborted(reading ?? source.next(), below.signal);
          reading = undefined;
          if (done) return;
          size += JSON.stringify(value).length;
        }
      } finally {
        stopTimer();
        below.abort(ENOUGH);
        await source?.return?.();
      }
    };
    const cancel = async (): Promise<void> => {
      below.abort(call.signal.reason);
      source ??= iterate((await beginning).chunks);
      await source.return?.();
    };
    const leave = (): void => {
      call.signal.removeEventListener("abort", leave);
      const { aborted, reason } = call.signal;
      // How it ends is seen by whoever counts below; here nobody is left to tell.
      if (!over) (aborted && !callerLeft(reason) ? cancel() : readOn()).catch(() => {});
      over = true;
    };
    const end = (): void => {
      call.signal.removeEventListener("abort", leave);
      over = true;
      below.abort(OVER);
    };

    call.signal.addEventListener("abort", leave, { once: true });
    let reply: ChatReply;
    try {
      reply = await unlessAborted(beginning, call.signal);
    } catch (thrown) {
      if (!call.signal.aborted) end();
      throw thrown;
    }
    const chunks = iterate(reply.chunks);
    source = chunks;
    const iterator: ChunkIterator = {
      async next() {
        call.signal.throwIfAborted();
        reading = chunks.next();
        try {
          const result = await unlessAborted(reading, call.signal);
          reading = undefined;
          if (result.done) end();
          return result;
        } catch (thrown) {
          if (!call.signal.aborted) end();
          throw thrown;
        }
      },
      ready: () => (over ? undefined : chunks.ready?.()),
      async return() {
        leave();
        return { done: true, value: undefined };
      },
    };
    return { headers: reply.headers, chunks: { [Symbol.asyncIterator]: () => iterator } };
  };
}

const ENOUGH = new GatewayError("llm.canceled", "The caller went away, and as much was read as may be.");

/** Whether a signal aborted because its caller left, and not because a layer has ended what is below it. */
function callerLeft(reason: unknown): boolean {
  return !(reason instanceof GatewayError) || (reason.code === "llm.canceled" && reason !== OTHER_WON);
}
