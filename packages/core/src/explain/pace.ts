import type { AttemptRecord } from "../records/record.ts";
import { attemptsOf, brokeOffUntimed, hasFailed } from "./attempts.ts";
import type { Entry } from "./entry.ts";
import { fieldsOf, numberOf } from "./fields.ts";
import type { NearbyReport } from "./nearby.ts";
import { counted, duration, share } from "./numbers.ts";

/** Where the time of a call went, and whether that is as usual for its model; a sentence each. */
export function paceOf(entry: Entry, near: NearbyReport | undefined): string[] {
  const { totalMs, firstTokenMs, fields } = entry;
  const attempts = attemptsOf(fields);
  const failed = attempts.filter(hasFailed);
  const lost = failed.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  const said =
    failed.length === 0
      ? []
      : [
          `${counted(failed.length, "try")} that failed took ${failed.some(brokeOffUntimed) ? "at least " : ""}${duration(lost)}.`,
        ];
  // How long a refusal took tells nothing.
  if (totalMs === undefined || !isAboutTime(entry)) return said;
  said.push(`The call took ${duration(totalMs)} in all.`);
  if (firstTokenMs !== undefined) {
    const part = share(firstTokenMs, totalMs);
    said.push(
      `The first token came after ${duration(firstTokenMs)}, ${part} of it${attempts.filter(mayHaveTokens).length > 1 ? "" : speedOf(totalMs - firstTokenMs, fields)}.`,
    );
  }
  return [...said, ...(near ? [comparison(totalMs, near)] : [])];
}

/** Whether the tokens of the record, which are those of all tries, may be this one's too. */
function mayHaveTokens(attempt: AttemptRecord): boolean {
  return !hasFailed(attempt) || attempt.first_token_ms !== undefined || brokeOffUntimed(attempt);
}

function isAboutTime({ kind, code }: Entry): boolean {
  return kind === "completed" || kind === "canceled" || (code?.startsWith("llm.timeout.") ?? false);
}

function speedOf(streamedMs: number, fields: Entry["fields"]): string {
  const output = numberOf(fieldsOf(fields.tokens).output);
  if (output === undefined || output < 2 || streamedMs < 100) return "";
  return `; then ${Math.round((output / streamedMs) * 1000)} tokens a second`;
}

/** From how many calls on one can be said to be slow. */
const ENOUGH = 20;

function comparison(totalMs: number, { pace }: NearbyReport): string {
  const { p50, p95 } = pace.totalMs;
  if (p50 === undefined || p95 === undefined) return "No other call of its model completed near it.";
  const usual = `${counted(pace.calls, "other call")} of its model near it: p50 ${duration(p50)}, p95 ${duration(p95)}`;
  if (pace.calls < ENOUGH) return `${usual}.`;
  if (totalMs > p95) return `${usual}. So this one was slow.`;
  return `${usual}. So this one was as usual.`;
}
