import { type ContextKey, contextKey } from "./context.ts";

/**
 * When a call must be over, as a moment of the gateway's clock (`Clock.now()`); `Infinity` while no `timeout` has set
 * one. A layer that would wait beyond it need not begin to.
 */
export const deadline: ContextKey<number> = contextKey("deadline", Number.POSITIVE_INFINITY);
