import type { CallRecord } from "../records/record.ts";
import { type Class, classOf } from "./class.ts";
import { type Fields, fieldsOf, numberOf, textOf } from "./fields.ts";
import { isMoment, momentOf } from "./times.ts";

/** What the command goes by of a record. A log may hold anything, so what is not as it should be counts as not there. */
export interface Entry {
  readonly id: string;
  /** When the call began, in milliseconds since 1970. */
  readonly timeMs: number | undefined;
  readonly outcome: CallRecord["outcome"];
  readonly kind: Class;
  readonly code: string | undefined;
  readonly retryable: boolean | undefined;
  readonly partial: boolean;
  readonly status: number | undefined;
  readonly caller: string | undefined;
  readonly model: string | undefined;
  readonly provider: string | undefined;
  readonly retries: number;
  readonly fallbacks: number;
  readonly totalMs: number | undefined;
  /** Of a stream. */
  readonly firstTokenMs: number | undefined;
  readonly cost: number | undefined;
  /** Everything the line says. */
  readonly fields: Fields;
}

const OUTCOMES: ReadonlySet<unknown> = new Set<CallRecord["outcome"]>([
  "completed",
  "failed",
  "interrupted",
  "canceled",
]);

function isOutcome(outcome: unknown): outcome is CallRecord["outcome"] {
  return OUTCOMES.has(outcome);
}

/** The entry of an object of a log; `undefined` where it is no record of a call. */
export function entryOf(fields: Fields): Entry | undefined {
  const { outcome } = fields;
  const id = textOf(fields.request_id);
  if (id === undefined || !isOutcome(outcome) || !Array.isArray(fields.attempts)) return undefined;
  const error = fieldsOf(fields.error);
  const code = textOf(error.code);
  return {
    id,
    timeMs: beginOf(fields),
    outcome,
    kind: classOf(outcome, code, error.layer),
    code,
    retryable: typeof error.retryable === "boolean" ? error.retryable : undefined,
    partial: fields.partial === true,
    status: numberOf(fields.status),
    caller: textOf(fields.caller),
    model: textOf(fields.model),
    provider: textOf(fields.provider),
    retries: numberOf(fields.retries) ?? 0,
    fallbacks: numberOf(fields.fallbacks) ?? 0,
    totalMs: numberOf(fields.total_ms),
    // What is not streamed comes in one piece: old records tell of a provider's there.
    firstTokenMs: fields.stream === false ? undefined : numberOf(fields.first_token_ms),
    cost: numberOf(fields.cost),
    fields,
  };
}

function beginOf({ time, total_ms }: Fields): number | undefined {
  const moment = momentOf(time);
  if (moment === undefined || typeof time === "string") return moment;
  // A number is not the record's own time but pino's: when the line was written, which is when the call had ended.
  const begun = moment - (numberOf(total_ms) ?? 0);
  return isMoment(begun) ? begun : moment;
}

/** Whether the caller got an error in place of the answer, or after a part of it. A caller who left is no error. */
export function isError({ kind }: Pick<Entry, "kind">): boolean {
  return kind !== "completed" && kind !== "canceled";
}
