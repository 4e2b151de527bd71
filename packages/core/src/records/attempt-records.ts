import type { Attempt } from "../error.ts";
import { oneLine } from "./one-line.ts";
import type { AttemptRecord } from "./record.ts";

/** How many are told, the last ones. */
const MOST = 32;

/** The calls of providers as a record tells them, of a call that began at `callStartedAt`, in milliseconds since 1970. */
export function attemptRecords(attempts: readonly Attempt[], callStartedAt?: number): readonly AttemptRecord[] {
  return attempts.slice(-MOST).map(({ provider, model, status, code, durationMs, upstreamRequestId, ...times }) => ({
    provider: oneLine(provider),
    model: oneLine(model),
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code }),
    // Where the clock of the machine was set meanwhile, it may seem to have begun before its call.
    ...(times.startedAt !== undefined &&
      callStartedAt !== undefined && { started_ms: Math.max(0, times.startedAt - callStartedAt) }),
    ...(times.firstTokenMs !== undefined && { first_token_ms: roundMs(times.firstTokenMs) }),
    duration_ms: roundMs(durationMs),
    ...(upstreamRequestId !== undefined && { upstream_request_id: oneLine(upstreamRequestId, 128) }),
  }));
}

/** The model that gave the answer, as far as the calls of providers show it: that of the last one which did not fail. */
export function answeringModel(attempts: readonly Attempt[]): string | undefined {
  return (attempts.findLast(({ code }) => code === undefined) ?? attempts.at(-1))?.model;
}

/** Milliseconds to the tenth: what is finer says nothing. */
export function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}
