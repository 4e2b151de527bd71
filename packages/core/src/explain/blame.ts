import type { Entry } from "./entry.ts";
import { fieldsOf } from "./fields.ts";
import { type Party, runbook } from "./runbook.ts";
import { tipOf } from "./tips.ts";

/** Whose fault a call's end is, and what is to be known of its code. */
export interface Blame {
  readonly party: Party;
  readonly tip: string | undefined;
}

/** Where the cause of what became of a call lies: what its code says, else its class, and its origin where that leaves it open. */
export function blameOf({ kind, code, fields }: Entry): Blame {
  const { party } = runbook[kind];
  const { text: tip, party: own } = tipOf(code) ?? {};
  if (own) return { party: own, tip };
  const { origin } = fieldsOf(fields.error);
  const open = kind === "gateway" || kind === "unknown";
  if (open && origin === "upstream") return { party: "provider", tip };
  return { party: kind === "unknown" && origin === "gateway" ? "gateway" : party, tip };
}
