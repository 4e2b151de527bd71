import { type Middleware, mapText } from "@gatewright/core";

/** Takes a word off what the model says, in whole answers and in streams. */
export function without(word: string): Middleware {
  return async (request, next) => {
    const reply = await next(request);
    return mapText(reply, (text) => text.replaceAll(word, "·".repeat(word.length)));
  };
}
