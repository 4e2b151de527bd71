import { type Context, type ContextKey, contextKey } from "./context.ts";
import type { GatewayError } from "./error.ts";

/**
 * How many other targets a layer above will try where what is below fails. A layer that could wait for a target, or give
 * up on it, looks here whether there is another.
 */
export const spareTargets: ContextKey<number> = contextKey("spare targets", 0);

/** Whether the caller wants the same target asked again; `undefined` where it does not say. */
export const wantsRetry: ContextKey<boolean | undefined> = contextKey<boolean | undefined>("wants retry", undefined);

/** How many tries the layers of one call have begun beyond the first: retries, fallbacks and hedges together. */
const extraTries: ContextKey<number> = contextKey("extra tries", 0);

/**
 * Takes one more try for a call, unless it has had `maxAttempts` already, the first included, or `allowed`, which is
 * asked last, says no.
 */
export function takeTry(context: Context, maxAttempts: number, allowed: () => boolean = () => true): boolean {
  const taken = context.get(extraTries);
  if (taken + 2 > maxAttempts || !allowed()) return false;
  context.set(extraTries, taken + 1);
  return true;
}

/** Whether an error is a refusal of the gateway's own, so that no target was asked: that was no try. */
export function nobodyAsked({ origin, code }: GatewayError): boolean {
  return origin === "gateway" && code !== "llm.timeout.total";
}

/** Gives a try back that came to nothing. */
export function returnTry(context: Context): void {
  context.set(extraTries, context.get(extraTries) - 1);
}
