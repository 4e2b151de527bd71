import { type Middleware, mapText } from "@gatewright/core";

/** Takes a word off what the model says. In a stream it works piece by piece: a word that is split between two passes. */
export function without(word: string): Middleware {
  return async (request, next) => {
    const reply = await next(request);
    return mapText(reply, (text) => text.replaceAll(word, "·".repeat(word.length)));
  };
}
