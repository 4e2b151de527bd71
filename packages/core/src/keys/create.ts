import { randomBytes } from "node:crypto";
import { hashOf, type KeyRecord } from "./record.ts";

/** A new key, and the facts of its record that follow from it. */
export interface NewKey {
  /** The secret: `gw_` and 32 random bytes in base64url. */
  readonly key: string;
  readonly facts: Pick<KeyRecord, "sha256" | "hint">;
}

/** Makes a key of 256 random bits. */
export function createKey(): NewKey {
  const key = `gw_${randomBytes(32).toString("base64url")}`;
  // What is shown of it leaves more than 200 bits to guess.
  const hint = `${key.slice(0, 7)}…${key.slice(-4)}`;
  return { key, facts: { sha256: hashOf(key).toString("hex"), hint } };
}
