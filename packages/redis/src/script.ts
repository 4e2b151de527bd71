import { hash } from "node:crypto";

/** A Lua script, and the hash by which Redis knows it once it has run. */
export interface Script {
  readonly text: string;
  readonly hash: string;
}

/** A script of this text. */
export function script(text: string): Script {
  return { text, hash: hash("sha1", text) };
}
