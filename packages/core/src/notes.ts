import type { Call } from "./call.ts";
import { type ContextKey, contextKey } from "./context.ts";
import type { LimitDecision } from "./limits/decision.ts";

// What layers note about a call for those who watch it: logs, traces and metrics. What was asked of providers is in `attempts`.

/** Every decision that layers of limits made for this call, in order. */
export const limitDecisions: ContextKey<readonly LimitDecision[]> = contextKey<readonly LimitDecision[]>(
  "limit decisions",
  [],
);

/** A layer that has looked whether it knows an answer already. */
export interface CacheLookup {
  /** The layer, such as `idempotency`. */
  readonly layer: string;
  readonly hit: boolean;
}

/** Every look-up that layers of this call made in something they keep, in order. */
export const cacheLookups: ContextKey<readonly CacheLookup[]> = contextKey<readonly CacheLookup[]>("cache lookups", []);

/** Notes that a layer has looked whether it knows an answer already. */
export function noteLookup({ context }: Call, layer: string, hit: boolean): void {
  context.set(cacheLookups, [...context.get(cacheLookups), { layer, hit }]);
}

/**
 * Whether the answer had to begin before there was anything to say: it is a stream with status 200, whatever comes of it.
 * Set by the gateway.
 */
export const begunInSilence: ContextKey<boolean> = contextKey("begun in silence", false);

/**
 * Headers that a provider is to send with each call, so that its traces belong to this one: `traceparent` and `tracestate`
 * of W3C Trace Context. A layer that traces sets them for what is below it.
 * @see https://www.w3.org/TR/trace-context/
 */
export const traceHeaders: ContextKey<Readonly<Record<string, string>>> = contextKey<Readonly<Record<string, string>>>(
  "trace headers",
  {},
);
