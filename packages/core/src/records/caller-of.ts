import type { Call } from "../call.ts";
import { callerId } from "../caller.ts";
import { oneLineName } from "./one-line.ts";

/** What stands for a caller in a record. The kind of its id is the gateway's own word, and `key` would look like a credential's. */
export function callerOf(call: Call): string {
  const id = callerId(call);
  const name = id.indexOf(" ") + 1;
  return id.slice(0, name) + oneLineName(id.slice(name));
}
