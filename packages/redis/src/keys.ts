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
  const hashes = rememberedHashes();
  const tags = SHARDS.map((shard) => `${prefix}{${String(shard).padStart(2, "0")}}`);
  const own = { epoch: tags.map((tag) => `${tag}:epoch`), probe: tags.map((tag) => `${tag}:probe`) };
  return {
    shard: (text) => ALPHABET.indexOf(hashes(text).charAt(0)) % SHARDS.length,
    key: (shard, kind, text) => `${tags[shard]}:${kind}:${hashes(text)}`,
    own: (shard, what) => own[what][shard] ?? "",
  };
}

/** What a character of base64url stands for: RFC 4648, section 5. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** How many hashes are remembered: hashing costs more than all else that a draw does here. */
const MOST = 10_000;
/** Longer texts are hashed each time. */
const LONG = 256;

/** Hashes texts, and remembers the last of them. */
function rememberedHashes(): (text: string) => string {
  let known = new Map<string, string>();
  return (text) => {
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const made = hashOf(text);
    if (text.length > LONG) return made;
    if (known.size >= MOST) known = new Map();
    known.set(text, made);
    return made;
  };
}

/** 132 bits of a text's SHA-256: nobody finds two texts with the same. */
function hashOf(text: string): string {
  // As UTF-8, halves of surrogate pairs, which JSON can hold, would all be the same.
  return hash("sha256", Buffer.from(text, "utf16le"), "base64url").slice(0, 22);
}
