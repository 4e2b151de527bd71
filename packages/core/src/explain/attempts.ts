import type { AttemptRecord } from "../records/record.ts";
import { type Fields, listOf, numberOf, textOf } from "./fields.ts";

/** No call is looked at further. */
const MOST = 100;

/** The calls of providers that a record tells of, in order. */
export function attemptsOf(record: Fields): AttemptRecord[] {
  return listOf(record.attempts, MOST).map(({ provider, model, status, code, duration_ms, upstream_request_id }) => {
    const [statusGiven, codeGiven, idGiven] = [numberOf(status), textOf(code), textOf(upstream_request_id)];
    return {
      provider: textOf(provider) ?? "(no name)",
      model: textOf(model) ?? "(no model)",
      duration_ms: numberOf(duration_ms) ?? 0,
      ...(statusGiven !== undefined && { status: statusGiven }),
      ...(codeGiven !== undefined && { code: codeGiven }),
      ...(idGiven !== undefined && { upstream_request_id: idGiven }),
    };
  });
}
