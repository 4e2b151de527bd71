import { hash } from "node:crypto";

/** A part of all keys. What has to be changed in one step is in one shard, and so in one slot of a cluster. */
export type Shard = number;

/** Few, as each has a marker of its own; enough to spread over the nodes of a cluster. */
export const SHARDS: readonly Shard[] = Array.from({ length: 64 }, (_, shard) => shard);

/** The names of what is kept. Each is of the same length, whatever it names. */
export interface Keys {
  /** The shard of a group of counts, of slots or of a call. */
  shard(text: string): Shard;
  key(shard: Shard, kind: "window" | "bucket" | "lease" | "call", text: string): string;
  /** Of the shard itself: when its data began, and what a probe writes. */
  own(shard: Shard, what: "epoch" | "probe"): string;
}

/**
 * Keys that begin with a prefix. What callers send is in them only as a hash: neither its length nor a brace in it, which
 * would name a slot, reaches Redis.
 */
export function keysOf(prefix: string): Keys {
  const tags = SHARDS.map((shard) => `${prefix}{${String(shard).padStart(2, "0")}}`);
  return {
    shard: (text) => Number.parseInt(hashOf(text, "hex").slice(0, 2), 16) % SHARDS.length,
    // 132 bits: nobody finds two texts with the same.
    key: (shard, kind, text) => `${tags[shard]}:${kind}:${hashOf(text, "base64url").slice(0, 22)}`,
    own: (shard, what) => `${tags[shard]}:${what}`,
  };
}

function hashOf(text: string, encoding: "hex" | "base64url"): string {
  // As UTF-8, halves of surrogate pairs, which JSON can hold, would all be the same.
  return hash("sha256", Buffer.from(text, "utf16le"), encoding);
}
