import type { Attempt, GatewayError } from "./error.ts";

/** What a caller is shown of an error: a pure function of the error and the call's id. */
export type Envelope = (error: GatewayError, requestId: string) => ErrorBody;

/** The body of an answer that tells of an error. */
export interface ErrorBody {
  readonly body: Readonly<Record<string, unknown>>;
  /** Default `application/json`. */
  readonly contentType?: string;
}

/** `{error:{message,type,param,code,…}}`: what OpenAI's SDKs raise their typed errors from. */
const openai: Envelope = (error, request_id) => ({
  body: {
    error: {
      message: error.message,
      type: openaiType(error.status),
      param: error.issues[0]?.path || null,
      code: error.code,
      origin: error.origin,
      layer: error.layer,
      phase: error.phase,
      ...(error.issues.length > 1 && { issues: error.issues }),
      ...(error.attempts.length > 0 && { attempts: error.attempts.map(shownAttempt) }),
    },
    request_id,
  },
});

function shownAttempt({ provider, model, status, code, upstreamRequestId, durationMs }: Attempt): object {
  return { provider, model, status, code, upstream_request_id: upstreamRequestId, duration_ms: Math.round(durationMs) };
}

/** `{error:{code,message},request_id}` with the HTTP status as the code. */
const nested: Envelope = (error, request_id) => ({
  body: { error: { code: error.status, message: error.message }, request_id },
});

/** `{code,message,request_id,metadata:{errors}}`. */
const flat: Envelope = (error, request_id) => ({
  body: { code: error.code, message: error.message, request_id, metadata: { errors: error.issues } },
});

/** `{detail}`, as FastAPI's HTTPException answers. */
const detail: Envelope = (error, request_id) => ({ body: { detail: error.message, request_id } });

/** Problem details: RFC 9457. The type is `about:blank`, so the title is the status in words; `code` is an extension. */
const problem: Envelope = (error, request_id) => ({
  contentType: "application/problem+json",
  body: {
    type: "about:blank",
    title: TITLES[error.status] ?? "Error",
    status: error.status,
    detail: error.message,
    code: error.code,
    request_id,
    ...(error.issues.length > 0 && { errors: error.issues }),
  },
});

/** The error styles that are built in. */
export const envelopes: Readonly<Record<EnvelopeName, Envelope>> = { openai, nested, flat, detail, problem };

export type EnvelopeName = "openai" | "nested" | "flat" | "detail" | "problem";

/**
 * The data of the event that ends a failed stream. It always has an `error`, whatever the envelope: that is what makes
 * readers of a stream raise.
 */
export function errorEvent(envelope: Envelope, error: GatewayError, requestId: string): object {
  const { body } = envelope(error, requestId);
  return body.error ? body : { error: body };
}

/** The headers that tell a client when, and whether, to try again. */
export function errorHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = { ...error.headers };
  if (error.status === 401) headers["www-authenticate"] ??= "Bearer";
  if (Number.isFinite(error.retryAfterMs)) {
    const waitMs = Math.max(1, Math.ceil(error.retryAfterMs ?? 0));
    headers["retry-after"] = String(Math.ceil(waitMs / 1000));
    headers["retry-after-ms"] = String(waitMs);
  }
  // Official SDKs retry these statuses on their own and ignore a Retry-After above a minute; this header stops them.
  const sdkRetries = error.status >= 500 || [408, 409, 429].includes(error.status);
  if (sdkRetries && (!error.retryable || (error.retryAfterMs ?? 0) > 60_000)) headers["x-should-retry"] = "false";
  return headers;
}

/** OpenAI's error types: https://platform.openai.com/docs/guides/error-codes */
function openaiType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** Reason phrases of RFC 9110, section 15, for the statuses in use. */
const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  499: "Client Closed Request",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};
