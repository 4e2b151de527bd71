import { distinctText } from "./distinct.ts";
import type { Explanation } from "./explanation.ts";
import { LEFT_OUT, lacksCompleted } from "./log-level.ts";
import type { NearbyReport } from "./nearby.ts";
import { count } from "./numbers.ts";
import type { Block, Column } from "./page.ts";
import { dayAndTime } from "./times.ts";

const SCOPES = ["caller", "model", "provider"] as const;
const FORGOTTEN =
  "These are not all: this input can be read only once, and of what came before the call only so much is remembered. Give a file.";

/** What else happened near a call, as a table. */
export function nearbyBlocks(explained: Explanation, near: NearbyReport): Block[] {
  const failed = explained.class !== "completed";
  const titles = ["calls", "completed", "errors", ...(failed ? ["like this", "callers"] : [])];
  const columns: Column[] = [{ title: "others of" }, ...titles.map((title): Column => ({ title, side: "right" }))];
  const row = (name: string, scope: keyof NearbyReport["scopes"]): string[] => {
    const { calls, completed, errors, same, callers } = near.scopes[scope];
    return [name, ...[calls, completed, errors].map(count), ...(failed ? [count(same), distinctText(callers)] : [])];
  };
  const known = SCOPES.filter((scope) => explained[scope] !== undefined);
  const rows = [...known.map((scope) => row(`${scope} ${explained[scope]}`, scope)), row("all", "everything")];
  const { firstMs, lastMs } = near;
  const said: string[] = [];
  if (firstMs !== undefined && lastMs !== undefined) {
    said.push(`Those like this: from ${dayAndTime(firstMs)} to ${dayAndTime(lastMs)} UTC.`);
  }
  const { calls, completed } = near.scopes.everything;
  if (failed && lacksCompleted(calls, completed)) said.push(`None of all completed: ${LEFT_OUT}`);
  if (explained.forgotten) said.push(FORGOTTEN);
  return [
    { kind: "table", caption: "Other calls near it", columns, rows },
    ...said.map((text): Block => ({ kind: "text", text })),
  ];
}
