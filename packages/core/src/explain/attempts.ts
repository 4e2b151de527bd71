import type { AttemptRecord } from "../records/record.ts";
import { factsOf } from "./class.ts";
import { type Fields, listOf, numberOf, textOf } from "./fields.ts";

/** No call is looked at further. */
const MOST = 100;

/** The calls of providers that a record tells of, in order. */
export function attemptsOf(record: Fields): AttemptRecord[] {
  return listOf(record.attempts, MOST).map((fields) => {
    const [status, code, id] = [numberOf(fields.status), textOf(fields.code), textOf(fields.upstream_request_id)];
    const [started, firstToken] = [numberOf(fields.started_ms), numberOf(fields.first_token_ms)];
    return {
      provider: textOf(fields.provider) ?? "(no name)",
      model: textOf(fields.model) ?? "(no model)",
      duration_ms: numberOf(fields.duration_ms) ?? 0,
      ...(status !== undefined && { status }),
      ...(code !== undefined && { code }),
      ...(started !== undefined && { started_ms: started }),
      ...(firstToken !== undefined && { first_token_ms: firstToken }),
      ...(id !== undefined && { upstream_request_id: id }),
    };
  });
}

/** Whether the gateway itself ended a try: another one had won, or the caller had left. That is no failure of the provider. */
export function wasEnded({ code }: Pick<AttemptRecord, "code">): boolean {
  return code === "llm.canceled";
}

/** Whether the provider failed. */
export function hasFailed(attempt: Pick<AttemptRecord, "code">): boolean {
  return attempt.code !== undefined && !wasEnded(attempt);
}

/** Whether a try broke off after its answer had begun, in a record that does not tell when: old ones told when it began. */
export function brokeOffUntimed({ code, started_ms, first_token_ms }: AttemptRecord): boolean {
  return started_ms === undefined && first_token_ms === undefined && factsOf(code)?.phase === "during";
}

/** The tries that asked a target again whose answer was complete: it was not accepted. */
export function askedAgain(attempts: readonly AttemptRecord[]): ReadonlySet<AttemptRecord> {
  const again = new Set<AttemptRecord>();
  let before: AttemptRecord | undefined;
  for (const attempt of attempts) {
    if (wasEnded(attempt)) continue;
    const isSame = before?.provider === attempt.provider && before.model === attempt.model;
    if (before && isSame && hasAnswered(before)) again.add(attempt);
    before = attempt;
  }
  return again;
}

function hasAnswered({ code }: AttemptRecord): boolean {
  return code === undefined || factsOf(code)?.layer === "output";
}

/** How many tries there were: a record tells the last ones of many. */
export function triesOf(attempts: readonly AttemptRecord[], again: number): number {
  return attempts.length === 0 ? 0 : Math.max(attempts.length, again + 1);
}
