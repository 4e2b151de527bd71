import type { Code } from "../codes.ts";
import { GatewayError } from "../error.ts";
import { redact } from "../redact.ts";
import type { Transcript } from "./transcript.ts";

/** How long until it is worth asking again for a transcript that is not ready, or a source that failed. */
export const ASK_AGAIN_MS = 1000;

/** The transcript, where it is completed. Throws `llm.transcript.not_found`, `.not_ready` or `.failed` where it is not. */
export function completed(found: Transcript | undefined): Transcript {
  if (!found) throw refused("llm.transcript.not_found", "there is no transcript of this id");
  if (isPending(found)) {
    throw refused("llm.transcript.not_ready", `the transcript is ${found.status}`, ASK_AGAIN_MS);
  }
  if (found.status === "error") throw failed(found.error ? `the transcript failed: ${redact(found.error)}` : undefined);
  return found;
}

/** Whether there will be a transcript later. */
export function isPending(found: Transcript | undefined): boolean {
  return found?.status === "queued" || found?.status === "processing";
}

/** `llm.transcript.failed`: there will be none. */
export function failed(why = "the transcript failed"): GatewayError {
  return refused("llm.transcript.failed", why);
}

function refused(code: Code, message: string, retryAfterMs?: number): GatewayError {
  const issues = [{ path: "transcript_id", message }];
  return new GatewayError(code, `transcript_id: ${message}`, { retryAfterMs, issues });
}

/**
 * What a caller is told where a source has failed: a 503. The gateway's own refusals stay what they are; of a service's
 * failure its message is shown, of anything else nothing.
 */
export function sourceFailure(thrown: unknown): GatewayError {
  if (!(thrown instanceof GatewayError)) return unavailable("Send the call again in a moment.", thrown);
  if (thrown.origin === "gateway") return thrown;
  const { message, retryable, retryAfterMs } = thrown;
  const error = unavailable(message, thrown);
  return retryable
    ? error.with({ retryAfterMs: retryAfterMs ?? ASK_AGAIN_MS })
    : error.with({ retryable, retryAfterMs });
}

/** A 503 for a source that cannot be asked at the moment. No other model would cure that. */
export function unavailable(why: string, cause?: unknown): GatewayError {
  const message = `Transcripts cannot be had at the moment. ${why}`;
  return new GatewayError("llm.transcript.unavailable", message, { retryAfterMs: ASK_AGAIN_MS, cause });
}
