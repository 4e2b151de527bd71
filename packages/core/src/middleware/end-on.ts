import { branch, replyUnlessAborted } from "../abort.ts";
import type { Middleware } from "../chat.ts";
import { GatewayError } from "../error.ts";
import { onEnd } from "../reply.ts";

/**
 * Ends every call in flight once a signal aborts, and refuses those that come after: a stream ends with an error event,
 * as it must when a server that shuts down does not wait any longer. The error is the signal's reason where that is a
 * `GatewayError`, else `llm.shutting_down`.
 */
export function endOn(signal: AbortSignal): Middleware {
  return async (request, next) => {
    const below = branch(request);
    const stop = (): void => below.abort(signal.reason instanceof GatewayError ? signal.reason : SHUTTING_DOWN);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    const end = (): void => {
      signal.removeEventListener("abort", stop);
      below.release();
    };
    try {
      below.signal.throwIfAborted();
      return onEnd(await replyUnlessAborted(next(below.request), below.signal), end, request.call.signal);
    } catch (thrown) {
      end();
      throw thrown;
    }
  };
}

const SHUTTING_DOWN = new GatewayError("llm.shutting_down", "This gateway is shutting down: call again.", {
  retryAfterMs: 1000,
});
