import { Readable } from "node:stream";
import {
  type ChatBody,
  type Code,
  GatewayError,
  type GatewayErrorOptions,
  redact,
  toGatewayError,
} from "@gatewright/core";
import type { Dispatcher } from "undici";

/** Where calls go, and what is the same for each. */
export interface Target {
  readonly name: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** What must never be shown, even where the provider repeats it. */
  readonly secrets: readonly string[];
  /** What is asked: where the provider quotes it in an error, that is hidden. */
  readonly asked?: ChatBody;
  readonly maxResponseBytes: number;
  readonly dispatcher: Dispatcher;
}

/** What of a provider's answer is read: nothing else of its headers goes anywhere. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly requestId: string | undefined;
  readonly retry: RetryHeaders;
  readonly body: Dispatcher.ResponseData["body"];
  /** From here on the end of the call does not close the connection: its answer has said all. */
  readonly keep: () => void;
}

export interface RetryHeaders {
  readonly retryAfter: string | undefined;
  readonly retryAfterMs: string | undefined;
  readonly shouldRetry: string | undefined;
}

/** Posts a JSON body, or asks without one, and waits for the head of the answer. Throws a `GatewayError` where none comes. */
export async function send(target: Target, signal: AbortSignal, body?: string): Promise<UpstreamAnswer> {
  const { url, headers, secrets, dispatcher } = target;
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const keep = (): void => signal.removeEventListener("abort", abort);
  try {
    const answer = await dispatcher.request({
      origin: url.origin,
      path: url.pathname,
      method: body === undefined ? "GET" : "POST",
      ...sent(headers, body),
      signal: stop.signal,
      highWaterMark: READ_AHEAD,
    });
    const header = (name: string): string | undefined => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const requestId = header("x-request-id");
    return {
      status: answer.statusCode,
      contentType: header("content-type")?.toLowerCase() ?? "",
      contentEncoding: header("content-encoding")?.toLowerCase() ?? "identity",
      requestId: requestId ? redact(requestId, secrets, 128) : undefined,
      retry: {
        retryAfter: header("retry-after"),
        retryAfterMs: header("retry-after-ms"),
        shouldRetry: header("x-should-retry"),
      },
      body: answer.body,
      keep,
    };
  } catch (thrown) {
    keep();
    throw connectionError(thrown, target, signal);
  }
}

/** How much of an answer is read that nobody has asked for yet, in bytes. */
const READ_AHEAD = 16 * 1024;

/** From how many characters on a body is written piece by piece. */
const LARGE = 64 * 1024;

/**
 * The headers and the body as they are sent. A service may refuse a large body before it has read it: what was written
 * in one go would wait in front of the next call on that connection, while one in pieces ends with it.
 */
function sent(
  headers: Target["headers"],
  body: string | undefined,
): Pick<Dispatcher.RequestOptions, "headers" | "body"> {
  if (body === undefined || body.length <= LARGE) return { headers, body: body ?? null };
  const bytes = Buffer.from(body);
  const pieces = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < bytes.length; at += LARGE) yield bytes.subarray(at, at + LARGE);
  };
  return { headers: { ...headers, "content-length": String(bytes.length) }, body: Readable.from(pieces()) };
}

/** The `GatewayError` for a failure of the connection to a provider. */
function connectionError(thrown: unknown, { name }: Target, signal: AbortSignal): GatewayError {
  if (thrown instanceof GatewayError || signal.aborted) return toGatewayError(thrown, signal);
  const code = codeOf(thrown);
  const fail = (what: Code, message: string, options: GatewayErrorOptions = {}): GatewayError =>
    new GatewayError(what, `${name} ${message}.`, { ...options, cause: thrown });
  if (code === "UND_ERR_CONNECT_TIMEOUT") return fail("llm.timeout.connect", "could not be connected to in time");
  if (code === "UND_ERR_HEADERS_TIMEOUT") return fail("llm.timeout.first_token", "did not answer in time");
  const parser = thrown instanceof Error && thrown.name === "HTTPParserError";
  if (parser || code === "UND_ERR_HEADERS_OVERFLOW") {
    return fail("llm.provider.bad_response", "answered something that is not HTTP");
  }
  const { says = "could not be reached", ...cure } = CONNECTION_FAILURES[code] ?? {};
  return fail("llm.provider.unreachable", says, cure);
}

/** The `GatewayError` for a failure in the middle of a provider's answer. */
export function bodyError(thrown: unknown, { name }: Target, signal: AbortSignal): GatewayError {
  if (thrown instanceof GatewayError || signal.aborted) return toGatewayError(thrown, signal);
  const idle = codeOf(thrown) === "UND_ERR_BODY_TIMEOUT";
  return idle
    ? new GatewayError("llm.timeout.idle", `${name} stopped sending in its answer.`, { cause: thrown })
    : new GatewayError("llm.stream.interrupted", `${name} closed the connection in its answer.`, { cause: thrown });
}

/** The `GatewayError` for an answer that is not what was asked for. */
export function badResponse({ name }: Target, what: string, options: GatewayErrorOptions = {}): GatewayError {
  return new GatewayError("llm.provider.bad_response", `${name} ${what}.`, options);
}

/** Of an answer that the same target would give again. */
export const LASTING: GatewayErrorOptions = { retryable: false, remedy: "fallback" };

/** What failures of a connection mean; what they do not say is as for every provider that cannot be reached. */
const CONNECTION_FAILURES: Readonly<
  Record<string, { readonly says: string } & Pick<GatewayErrorOptions, "remedy" | "maxRetries">>
> = {
  // A name that does not exist, and a certificate that is wrong, are the same in a moment.
  ENOTFOUND: { says: "could not be found: its host name does not resolve", remedy: "fallback" },
  CERT_HAS_EXPIRED: { says: "shows a certificate that has expired", remedy: "fallback" },
  ERR_TLS_CERT_ALTNAME_INVALID: { says: "shows a certificate for another host", remedy: "fallback" },
  DEPTH_ZERO_SELF_SIGNED_CERT: { says: "shows a certificate that nobody vouches for", remedy: "fallback" },
  SELF_SIGNED_CERT_IN_CHAIN: { says: "shows a certificate that nobody vouches for", remedy: "fallback" },
  EAI_AGAIN: { says: "could not be found: the name server did not answer", maxRetries: 1 },
  // Nobody listens: another target answers at once.
  ECONNREFUSED: { says: "refused the connection", remedy: "fallback-first" },
  ECONNRESET: { says: "closed the connection without an answer" },
  EPIPE: { says: "closed the connection without an answer" },
  UND_ERR_SOCKET: { says: "closed the connection without an answer" },
};

/** The system's or undici's code for a failure, wherever in the chain of causes it is. */
function codeOf(thrown: unknown): string {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if ("code" in error && typeof error.code === "string") return error.code;
  }
  return "";
}
