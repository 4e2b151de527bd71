import type { Code } from "../codes.ts";
import { GatewayError } from "../error.ts";
import { redact } from "../secrecy/redact.ts";
import type { Transcript } from "./transcript.ts";

/** How long until it is worth asking again for a transcript that is not ready, or a source that failed. */
export const ASK_AGAIN_MS = 1000;

/**
 * The transcript, where it is completed. Throws `llm.transcript.not_found`, `.not_ready` or `.failed` where it is not; `path`
 * is the field that named it.
 */
export function completed(found: Transcript | undefined, path: string): Transcript {
  if (!found) throw refused("llm.transcript.not_found", path, "there is no transcript of this id");
  if (isPending(found)) {
    throw refused("llm.transcript.not_ready", path, `the transcript is ${found.status}`, ASK_AGAIN_MS);
  }
  if (found.status !== "error") return found;
  const why = found.error ? `: ${redact(withoutUrlSecrets(found.error))}` : "";
  throw failed(path, `the transcript failed${why}`);
}

/** Whether there will be a transcript later. */
export function isPending(found: Transcript | undefined): boolean {
  return found?.status === "queued" || found?.status === "processing";
}

/** `llm.transcript.failed`: there will be none. */
export function failed(path: string, why: string): GatewayError {
  return refused("llm.transcript.failed", path, why);
}

/** A refusal of what a field names. */
export function refused(code: Code, path: string, message: string, retryAfterMs?: number): GatewayError {
  return new GatewayError(code, `${path}: ${message}`, { retryAfterMs, issues: [{ path, message }] });
}

/**
 * A text without what URLs in it may hold of use to others: of each, its user, password, query and fragment are masked.
 * Recordings are often named by URLs that whoever has them may read.
 */
export function withoutUrlSecrets(text: string): string {
  return text.slice(0, MAX_READ).replace(URLS, (found) => {
    const url = URL.parse(found);
    // What only looks like a URL may have its secrets anywhere.
    if (!url) return MASK;
    const user = url.username || url.password ? `${MASK}@` : "";
    return `${url.protocol}//${user}${url.host}${url.pathname}${found.includes("?") || url.hash ? `?${MASK}` : ""}`;
  });
}

/** Longer than any failure that is told, and short enough to be searched at once. */
const MAX_READ = 64 * 1024;
const URLS = /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"<>]+/gi;
const MASK = "***";

/**
 * What a caller is told where a source has failed: a 503. The gateway's own refusals stay what they are; of anything else
 * nothing is shown, and it is the cause.
 */
export function sourceFailure(thrown: unknown): GatewayError {
  if (!(thrown instanceof GatewayError)) return unavailable("Send the call again in a moment.", thrown);
  if (thrown.origin === "gateway" || thrown.code === "llm.transcript.unavailable") return thrown;
  const { retryable, retryAfterMs } = thrown;
  if (!retryable)
    return unavailable("Their service does not serve this gateway.", thrown).with({ retryable, retryAfterMs });
  return unavailable("Their service has failed. Send the call again in a moment.", thrown).with({
    retryAfterMs: retryAfterMs ?? ASK_AGAIN_MS,
  });
}

/** A 503 for a source that cannot be asked at the moment. No other model would cure that. */
export function unavailable(why: string, cause?: unknown): GatewayError {
  const message = `Transcripts cannot be had at the moment. ${why}`;
  return new GatewayError("llm.transcript.unavailable", message, { retryAfterMs: ASK_AGAIN_MS, cause });
}

/** A 503 where the gateway asks for as many as it may: its own doing, and no failure of the source. */
export function tooMany(): GatewayError {
  const message = "Too many transcripts are being asked for. Send the call again in a moment.";
  return new GatewayError("llm.overloaded", message, { remedy: "none", retryAfterMs: ASK_AGAIN_MS });
}
