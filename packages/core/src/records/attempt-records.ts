import type { Attempt } from "../error.ts";
import { oneLine, oneLineName } from "./one-line.ts";
import type { AttemptRecord, Writable } from "./record.ts";

/** How many are told, the last ones. */
const MOST = 32;

/** The calls of providers as a record tells them, of a call that began at `callStartedAt`, in milliseconds since 1970. */
export function attemptRecords(attempts: readonly Attempt[], callStartedAt?: number): readonly AttemptRecord[] {
  const told = attempts.length > MOST ? attempts.slice(-MOST) : attempts;
  return told.map((attempt) => attemptRecord(attempt, callStartedAt));
}

// Every call has one of these. Fields that are set one by one cost a fraction of those that are spread.
function attemptRecord(attempt: Attempt, callStartedAt: number | undefined): AttemptRecord {
  const { status, code, startedAt, firstTokenMs, upstreamRequestId } = attempt;
  const record: Writable<AttemptRecord> = {
    provider: oneLineName(attempt.provider),
    model: oneLineName(attempt.model),
    duration_ms: roundMs(attempt.durationMs),
  };
  if (status !== undefined) record.status = status;
  if (code !== undefined) record.code = code;
  // Where the clock of the machine was set meanwhile, it may seem to have begun before its call.
  if (startedAt !== undefined && callStartedAt !== undefined)
    record.started_ms = Math.max(0, startedAt - callStartedAt);
  if (firstTokenMs !== undefined) record.first_token_ms = roundMs(firstTokenMs);
  if (upstreamRequestId !== undefined) record.upstream_request_id = oneLine(upstreamRequestId, 128);
  return record;
}

/** The model that gave the answer, as far as the calls of providers show it: that of the last one which did not fail. */
export function answeringModel(attempts: readonly Attempt[]): string | undefined {
  return (attempts.findLast(({ code }) => code === undefined) ?? attempts.at(-1))?.model;
}

/** Milliseconds to the tenth: what is finer says nothing. */
export function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}
