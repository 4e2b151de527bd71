import type { ChatRequest } from "./chat.ts";
import { type Context, type ContextKey, contextKey, requestWith } from "./context.ts";
import type { GatewayError } from "./error.ts";

/**
 * How many other targets a layer above will try where what is below fails. A layer that could wait for a target, or give
 * up on it, looks here whether there is another.
 */
export const spareTargets: ContextKey<number> = contextKey("spare targets", 0);

/** A request for what is below, which then knows of so many more targets that stand by. */
export function withSpares(request: ChatRequest, more: number): ChatRequest {
  if (more === 0) return request;
  return requestWith(request, spareTargets, request.call.context.get(spareTargets) + more);
}

/**
 * Takes one more try of the target that is asked below, from the budget that a layer above keeps for it; `undefined`
 * where none does.
 */
export const targetBudget: ContextKey<(() => boolean) | undefined> = contextKey<(() => boolean) | undefined>(
  "target budget",
  undefined,
);

/** How many tries the layers of one call have begun beyond the first: retries, fallbacks and hedges together. */
const extraTries: ContextKey<number> = contextKey("extra tries", 0);

/** How many tries one call may have, the first included. */
const mostTries: ContextKey<number | undefined> = contextKey<number | undefined>("most tries", undefined);

/** How many tries a call may have altogether: what the outermost layer that tries again says, for all of them. */
export function triesOf(context: Context, maxAttempts: number): number {
  const most = context.get(mostTries);
  if (most === undefined) context.set(mostTries, maxAttempts);
  return most ?? maxAttempts;
}

/**
 * Takes one more try for a call, unless it has had `most` already, the first included, or `allowed`, which is asked last,
 * says no.
 */
export function takeTry(context: Context, most: number, allowed: () => boolean = () => true): boolean {
  const taken = context.get(extraTries);
  if (taken + 2 > most || !allowed()) return false;
  context.set(extraTries, taken + 1);
  return true;
}

/** Gives a try back: for a layer that refuses a call, so that no target is asked. That was no try. */
export function returnTry(context: Context): void {
  context.set(extraTries, context.get(extraTries) - 1);
}

/**
 * The error of a call that was tried again in vain: a client that sent it once more would multiply that, so unless the
 * error says when to come back, it is not `retryable` any more.
 */
export function triedInVain(error: GatewayError): GatewayError {
  return error.retryAfterMs === undefined ? error.with({ retryable: false }) : error;
}
