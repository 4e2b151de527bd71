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
  const innermost: Handler = async (request) => {
    const reply = await handler(request);
    return hasBegun(reply) ? reply : await begin(reply);
  };
  return middleware.reduceRight<Handler>(
    (next, layer) => async (request) => {
      const reply = await layer(request, next);
      return hasBegun(reply) ? reply : await begin(reply);
    },
    innermost,
  );
}
