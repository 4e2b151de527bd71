import { count, counted } from "./numbers.ts";
import type { Tally } from "./scan.ts";

/** What was read and what was passed over, in a sentence. */
export function tallyText({ lines, records, outside, other, broken, tooLong }: Readonly<Tally>): string {
  const over = [
    outside > 0 && `${count(outside)} of another time`,
    other > 0 && `${count(other)} no record of a call`,
    broken > 0 && `${count(broken)} broken JSON`,
    tooLong > 0 && `${count(tooLong)} above 1 MiB`,
  ].filter((part) => part !== false);
  const all = `${counted(lines, "line")}, ${counted(records, "record")}`;
  return over.length === 0 ? `${all}.` : `${all}. Passed over: ${over.join(", ")}.`;
}
