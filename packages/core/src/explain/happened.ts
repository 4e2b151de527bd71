import type { AttemptRecord } from "../records/record.ts";
import { attemptsOf } from "./attempts.ts";
import type { Entry } from "./entry.ts";
import { textOf } from "./fields.ts";
import { count, duration } from "./numbers.ts";

/** One thing that happened, and when: milliseconds after the call began, where the record tells. */
export interface Step {
  readonly afterMs: number | undefined;
  readonly text: string;
}

/** What happened to a call, in order. */
export function happened(entry: Entry): Step[] {
  const { caller, model, provider, firstTokenMs, totalMs, fields } = entry;
  const attempts = attemptsOf(fields);
  const asks = model === undefined ? "" : `, for ${model}${fields.stream === true ? ", as a stream" : ""}`;
  const steps: Step[] = [{ afterMs: 0, text: `call of ${caller ?? "an unknown caller"}${asks}` }];
  const beginnings = beginningsOf(attempts, entry);
  for (const [at, attempt] of attempts.entries()) {
    steps.push({ afterMs: beginnings[at], text: attemptText(at + 1, attempt) });
  }
  if (firstTokenMs !== undefined) steps.push({ afterMs: firstTokenMs, text: "first visible piece of an answer" });
  steps.push({ afterMs: totalMs, text: endText(entry, textOf(fields.answered_by), provider) });
  return steps;
}

/**
 * When each try began. A record tells how long they took, so this is when it was at the earliest; of the last one it is
 * known by its end. Of tries that went on at the same time nothing is known.
 */
function beginningsOf(attempts: readonly AttemptRecord[], { firstTokenMs, totalMs }: Entry): number[] {
  const all = attempts.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  if (all > (totalMs ?? Number.POSITIVE_INFINITY)) return [];
  let over = 0;
  const beginnings = attempts.map(({ duration_ms }) => {
    over += duration_ms;
    return over - duration_ms;
  });
  const last = attempts.at(-1);
  const end = firstTokenMs ?? (last?.code === undefined ? undefined : totalMs);
  if (last && end !== undefined) beginnings.push(Math.max(beginnings.pop() ?? 0, end - last.duration_ms));
  return beginnings;
}

function attemptText(
  number: number,
  { provider, model, status, code, duration_ms, upstream_request_id }: AttemptRecord,
): string {
  const came = [status, code].filter((part) => part !== undefined).join(" ") || "no status";
  const quoted = upstream_request_id === undefined ? "" : `, its request id ${upstream_request_id}`;
  return `try ${count(number)}: ${provider}/${model}, ${came} after ${duration(duration_ms)}${quoted}`;
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
