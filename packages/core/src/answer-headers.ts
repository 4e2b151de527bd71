import type { Call } from "./call.ts";
import { type ContextKey, contextKey } from "./context.ts";

type Headers = Readonly<Record<string, string>>;

/** Headers for the caller, by the layer that set them, the outermost first. */
const layers: ContextKey<ReadonlyMap<object, Headers>> = contextKey<ReadonlyMap<object, Headers>>(
  "answer headers",
  new Map(),
);

/** No headers: where a layer has none to add, or none any more. */
export const NONE: Headers = {};

/**
 * Sets the headers that a layer adds to the answer of a call, whatever becomes of it: an error has them too, and a stream that
 * begins before its reply does. Set again by the same layer, they take the place of its former ones.
 */
export function setAnswerHeaders({ context }: Call, layer: object, headers: Headers): void {
  const all = context.get(layers);
  // Most layers that set none never had any.
  if (headers === NONE && !all.has(layer)) return;
  context.set(layers, new Map(all).set(layer, headers));
}

/** The headers that layers have set for the answer of a call. Where several set one, the outermost has its way. */
export function answerHeaders({ context }: Call): Headers {
  const all = context.get(layers);
  if (all.size === 0) return NONE;
  return Object.assign({}, ...[...all.values()].reverse());
}
