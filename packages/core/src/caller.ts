import type { Call } from "./call.ts";
import { type ContextKey, contextKey } from "./context.ts";

/** The caller that `auth` recognised. */
export interface Caller {
  readonly name: string;
}

/** Who calls: `undefined` where no `auth` is mounted. */
export const caller: ContextKey<Caller | undefined> = contextKey<Caller | undefined>("caller", undefined);

/** What stands for the caller of a call wherever something is kept per caller: its key's name, else its address. */
export function callerId({ address, context }: Call): string {
  const known = context.get(caller);
  return known ? `key ${known.name}` : `address ${address ?? "unknown"}`;
}
