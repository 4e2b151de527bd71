import { type Context, type ContextKey, contextKey } from "./context.ts";

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

/** Gives a try back: for a layer that refuses a call, so that no target is asked. That was no try. */
export function returnTry(context: Context): void {
  context.set(extraTries, context.get(extraTries) - 1);
}
