import type { AttemptRecord } from "../records/record.ts";
import { brokeOffUntimed, wasEnded } from "./attempts.ts";
import type { Entry } from "./entry.ts";
import { duration } from "./numbers.ts";

/** What became of a try: `openai/gpt-5, 200, answered after 5 ms, complete after 1.2 s`. */
export function attemptText(attempt: AttemptRecord, { kind }: Pick<Entry, "kind">): string {
  const { provider, model, upstream_request_id: id } = attempt;
  const parts = [
    `${provider}/${model}`,
    ...becameOf(attempt, kind),
    ...(id === undefined ? [] : [`its request id ${id}`]),
  ];
  return parts.join(", ");
}

function becameOf(attempt: AttemptRecord, kind: Entry["kind"]): string[] {
  const { status, code, started_ms, first_token_ms, duration_ms } = attempt;
  const after = `after ${duration(duration_ms)}`;
  const came = status === undefined ? [] : [`${status}`];
  const answered = first_token_ms === undefined ? [] : [`answered after ${duration(first_token_ms)}`];
  if (wasEnded(attempt)) {
    return [...came, ...answered, `${kind === "canceled" ? "left by the caller" : "ended by the gateway"} ${after}`];
  }
  if (brokeOffUntimed(attempt)) return [...came, `answered ${after}`, `then broke off with ${code}`];
  if (code !== undefined) {
    return answered.length > 0
      ? [...came, ...answered, `broke off with ${code} ${after}`]
      : [[...came, code, after].join(" ")];
  }
  // Old records tell only when the answer began.
  if (started_ms === undefined && answered.length === 0) return [`${status ?? "no status"} ${after}`];
  return [...came, ...answered, `complete ${after}`];
}
