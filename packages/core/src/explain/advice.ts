import type { Entry } from "./entry.ts";
import { type Advice, runbook } from "./runbook.ts";
import { tipOf } from "./tips.ts";

/** What became of a call, and what to do about it: what its code says, else its class. */
export function adviceOf({ kind, code }: Pick<Entry, "kind" | "code">): Advice {
  const { chapter = kind } = tipOf(code) ?? {};
  return typeof chapter === "string" ? runbook[chapter] : chapter;
}
