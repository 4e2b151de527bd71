import type { Answer } from "./caller.ts";
import type { Lab } from "./lab.ts";
import { type Seen, tell } from "./row.ts";

/** How often the first target that was called has failed, as its breaker counts. */
export function counted(lab: Lab): number {
  return lab.breaker.circuits()[0]?.failures ?? 0;
}

/** The call that ended last, and its answer, as the table tells them. */
export function seen(lab: Lab, answer: Answer): Seen {
  return { done: lab.log.at(-1)?.tried ?? "", back: tell(answer) };
}

/** Between the ends of the calls, in order: how the table tells of several. */
export function told(each: readonly string[]): string {
  return each.map((one) => one || "no provider is asked").join("; then ");
}
