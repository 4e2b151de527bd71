import { begin, hasBegun } from "./begin.ts";
import type { Handler, Middleware } from "./chat.ts";

/**
 * Puts layers around a handler; the first listed is outermost. Every `next`, and the handler that is returned, resolves
 * only once the first visible chunk is in hand: a failure before it is a rejection, and may be tried again.
 */
export function compose(middleware: readonly Middleware[], handler: Handler): Handler {
  for (const [at, layer] of middleware.entries()) {
    if (typeof layer !== "function") throw new TypeError(`compose: middleware[${at}] is no function.`);
  }
  return middleware.reduceRight<Handler>((next, layer) => begunBy((request) => layer(request, next)), begunBy(handler));
}

/** The same handler, whose replies have begun. */
function begunBy(handler: Handler): Handler {
  return async (request) => {
    const reply = await handler(request);
    // Of many layers most pass on what has begun: to wait for each of them once more is what a layer costs.
    return hasBegun(reply) ? reply : begin(reply);
  };
}
