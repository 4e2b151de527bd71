import type { AttemptRecord } from "../records/record.ts";
import { askedAgain, attemptsOf, triesOf } from "./attempts.ts";
import type { Entry } from "./entry.ts";
import { textOf } from "./fields.ts";
import { count } from "./numbers.ts";
import { attemptText } from "./try-text.ts";

/** One thing that happened, and when: milliseconds after the call began, where the record tells. */
export interface Step {
  readonly afterMs: number | undefined;
  /** It was then at the earliest. */
  readonly atEarliest?: true;
  readonly text: string;
}

/** What happened to a call, in order. */
export function happened(entry: Entry): Step[] {
  const { caller, model, provider, firstTokenMs, totalMs, fields } = entry;
  const asks = model === undefined ? "" : `, for ${model}${fields.stream === true ? ", as a stream" : ""}`;
  const steps: Step[] = [{ afterMs: 0, text: `call of ${caller ?? "an unknown caller"}${asks}` }, ...tries(entry)];
  if (firstTokenMs !== undefined) {
    const piece = { afterMs: firstTokenMs, text: "first visible piece of an answer" };
    steps.splice(placeOf(firstTokenMs, steps), 0, piece);
  }
  steps.push({ afterMs: totalMs, text: endText(entry, textOf(fields.answered_by), provider) });
  return steps;
}

function tries(entry: Entry): Step[] {
  const attempts = attemptsOf(entry.fields);
  const untold = triesOf(attempts, entry.retries + entry.fallbacks) - attempts.length;
  const again = askedAgain(attempts);
  const told = attempts.map((attempt, at): Step => {
    const number = `try ${count(untold + at + 1)}${again.has(attempt) ? ", asked again" : ""}`;
    return { afterMs: attempt.started_ms, text: `${number}: ${attemptText(attempt, entry)}` };
  });
  if (attempts.every(({ started_ms }) => started_ms !== undefined)) {
    return told.toSorted((one, other) => (one.afterMs ?? 0) - (other.afterMs ?? 0));
  }
  return attempts.some(({ started_ms }) => started_ms !== undefined)
    ? told
    : withEarliest(told, attempts, untold > 0, entry.totalMs);
}

/**
 * Tries of a record that tells how long they took and not when they began, with when that was at the earliest: what was waited
 * between them is not known. Of tries that went on at the same time nothing is.
 */
function withEarliest(
  steps: readonly Step[],
  attempts: readonly AttemptRecord[],
  isRest: boolean,
  totalMs = Number.POSITIVE_INFINITY,
): Step[] {
  const all = attempts.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  if (all > totalMs) return [...steps];
  let over = 0;
  return steps.map(({ text }, at) => {
    const afterMs = over;
    over += attempts[at]?.duration_ms ?? 0;
    return { afterMs, ...((at > 0 || isRest) && { atEarliest: true }), text };
  });
}

/** A try's beginning is a whole number of milliseconds by another clock. */
const CLOCKS_MS = 2;

/** Where what happened then stands among the steps: before the tries that are known to have begun later. */
function placeOf(ms: number, steps: readonly Step[]): number {
  const later = steps.findIndex(({ afterMs, atEarliest }) => !atEarliest && (afterMs ?? 0) > ms + CLOCKS_MS);
  return later === -1 ? steps.length : later;
}

function endText(
  { outcome, status, code }: Entry,
  answeredBy: string | undefined,
  provider: string | undefined,
): string {
  const answer =
    answeredBy === undefined ? "" : `, answered by ${provider === undefined ? "" : `${provider}/`}${answeredBy}`;
  if (outcome === "completed") return `completed with status ${status ?? "–"}${answer}`;
  if (outcome === "canceled") return "the caller went away";
  const told = code !== undefined ? ` with ${code}` : "";
  return `${outcome}${told}; the caller got status ${status ?? "–"}`;
}
