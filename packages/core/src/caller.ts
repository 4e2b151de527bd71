import { addressGroup } from "./address.ts";
import type { Call } from "./call.ts";
import { type ContextKey, contextKey } from "./context.ts";
import type { OwnLimit } from "./limits/limit.ts";

/** The caller that `auth` recognised, and what it may do. */
export interface Caller {
  /** What the caller is known by, in counts and logs: the name of its key, or the subject of its token. */
  readonly name: string;
  /** By what it was recognised; default `key`. Names of one kind mean nothing for the other. */
  readonly kind?: "key" | "token";
  /** The models that it may use, `*` for any text; left out: all. */
  readonly models?: readonly string[];
  /** The regions that it may use; left out: all. */
  readonly regions?: readonly string[];
  /** Limits of its own: in `rateLimit` they take the place of those that count by caller. */
  readonly limits?: readonly OwnLimit[];
  /** How many of its calls may be in flight at once: in `concurrency` this takes the place of `max`. */
  readonly concurrency?: number;
  /** Whatever else is known of it: for your own layers and logs. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Who calls: `undefined` where no `auth` is mounted. */
export const caller: ContextKey<Caller | undefined> = contextKey<Caller | undefined>("caller", undefined);

/**
 * What stands for the caller of a call wherever something is kept per caller: the name of its key or token, else its
 * address, of IPv6 the first 64 bits, which is what one household or host has.
 */
export function callerId({ address, context }: Call): string {
  const known = context.get(caller);
  return known ? `${known.kind ?? "key"} ${known.name}` : `address ${addressGroup(address)}`;
}
