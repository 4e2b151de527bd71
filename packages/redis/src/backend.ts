import type { Store } from "@gatewright/core";
import type { Availability } from "./availability.ts";
import type { Command } from "./client.ts";
import type { Keys, Shard } from "./keys.ts";

/** What the parts of a store have in common. */
export interface Backend {
  readonly redis: Pick<Availability, "ask">;
  readonly keys: Keys;
  /** The gateway's own share of everything. */
  readonly local: Store;
  /** Decides one call that Redis has not decided, as was chosen. It is counted. */
  instead(): Store;
  /** Gives back what was taken for a call that has been decided without it. Without a word: it ends by itself, too. */
  giveBack(command: Command): void;
}

/** Where something is kept that needs no others beside it. */
export function placeOf(
  keys: Keys,
  kind: "lease" | "call",
  text: string,
): { readonly shard: Shard; readonly key: string } {
  const shard = keys.shard(text);
  return { shard, key: keys.key(shard, kind, text) };
}

/** An answer as texts: a client that was told to answer with something else, such as buffers, is understood. */
export function textsOf(answer: unknown): string[] {
  return Array.isArray(answer) ? answer.map(String) : [String(answer)];
}

/** Milliseconds as Redis takes them, which are whole ones. */
export function wholeMs(ms: number): string {
  return String(Math.max(1, Math.ceil(ms)));
}
