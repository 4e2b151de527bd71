import type { Attempt } from "../error.ts";
import { oneLine } from "./one-line.ts";
import type { AttemptRecord } from "./record.ts";

/** How many are told, the last ones. */
const MOST = 32;

/** The calls of providers as a record tells them. */
export function attemptRecords(attempts: readonly Attempt[]): readonly AttemptRecord[] {
  return attempts.slice(-MOST).map(({ provider, model, status, code, durationMs, upstreamRequestId }) => ({
    provider: oneLine(provider),
    model: oneLine(model),
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code }),
    duration_ms: roundMs(durationMs),
    ...(upstreamRequestId !== undefined && { upstream_request_id: oneLine(upstreamRequestId, 128) }),
  }));
}

/** How often the same target was asked again, and how often another one. */
export function triesIn(attempts: readonly Attempt[]): { readonly retries: number; readonly fallbacks: number } {
  let retries = 0;
  for (let at = 1; at < attempts.length; at++) {
    const [one, next] = [attempts[at - 1], attempts[at]];
    if (one?.provider === next?.provider && one?.model === next?.model) retries++;
  }
  return { retries, fallbacks: Math.max(0, attempts.length - 1) - retries };
}

/** The model that gave the answer, as far as the calls of providers show it: that of the last one which did not fail. */
export function answeringModel(attempts: readonly Attempt[]): string | undefined {
  return (attempts.findLast(({ code }) => code === undefined) ?? attempts.at(-1))?.model;
}

/** Milliseconds to the tenth: what is finer says nothing. */
export function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}
