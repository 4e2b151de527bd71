import { type Branch, branch, untilOver } from "../abort.ts";
import type { Middleware } from "../chat.ts";
import { GatewayError } from "../error.ts";

/**
 * Ends every call in flight once a signal aborts, and refuses those that come after: a stream ends with an error event,
 * as it must when a server that shuts down does not wait any longer. The error is the signal's reason where that is a
 * `GatewayError`, else `llm.shutting_down`.
 */
export function endOn(signal: AbortSignal): Middleware {
  const inFlight = new Set<Branch>();
  const stop = (below: Branch): void => {
    below.abort(signal.reason instanceof GatewayError ? signal.reason : SHUTTING_DOWN);
  };
  // One listener for all: taking one of many off a signal takes a look at each.
  signal.addEventListener("abort", () => inFlight.forEach(stop), { once: true });
  return async (request, next) => {
    const below = branch(request);
    inFlight.add(below);
    if (signal.aborted) stop(below);
    const end = (): void => {
      inFlight.delete(below);
      below.release();
    };
    const replying = below.signal.aborted ? Promise.reject(below.signal.reason) : next(below.request);
    return untilOver(replying, below.signal, end);
  };
}

const SHUTTING_DOWN = new GatewayError("llm.shutting_down", "This gateway is shutting down: call again.", {
  retryAfterMs: 1000,
});
