import { type Code, codes, GatewayError, type GatewayErrorOptions, hideEchoes, redact } from "@gatewright/core";
import { isObject } from "./chunk.ts";
import { LASTING, type RetryHeaders, type Target, type UpstreamAnswer } from "./upstream.ts";

/** What a provider says of its failure, in whichever of the usual shapes. */
export interface ReportedError {
  readonly message: string | undefined;
  /** `code`, `type` and `status` of the error in words, lower-case, in one string to search. */
  readonly kind: string;
  /** A status that the error itself names. */
  readonly status: number | undefined;
  readonly param: string | undefined;
  /** How long to wait, in milliseconds, where the error itself says so. */
  readonly retryAfterMs: number | undefined;
}

/** The error in a parsed body: `{error:{…}}`, `{error:"…"}`, `[{error}]`, `{object:"error",…}`; `undefined` where it holds none. */
export function errorIn(body: unknown): ReportedError | undefined {
  const holder = Array.isArray(body) ? body[0] : body;
  // vLLM's own shape: the error is the body.
  const error = isObject(holder) && holder.object === "error" ? holder : isObject(holder) ? holder.error : undefined;
  if (typeof error === "string" && error !== "")
    return { message: error, kind: "", status: undefined, param: undefined, retryAfterMs: undefined };
  if (!isObject(error)) return undefined;
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const status = [error.status, error.code].map(Number).find((number) => number >= 400 && number < 600);
  return {
    message: text(error.message),
    kind: [error.code, error.type, error.status]
      .filter((part) => typeof part === "string")
      .join(" ")
      .toLowerCase(),
    status,
    param: text(error.param),
    retryAfterMs: retryDelayIn(error.details),
  };
}

/** The `GatewayError` for an error that a provider answered, as a status or in a body or stream that began as success. */
export function upstreamError(
  target: Target,
  { status: answered, retry, requestId }: UpstreamAnswer,
  reported: ReportedError | undefined,
): GatewayError {
  const status = answered >= 400 ? answered : (reported?.status ?? statusOf(reported?.kind ?? ""));
  const [code, options] = classify(status, reported);
  // Of our own key a provider shows parts that no mask finds: what it says of it is for the log.
  const shown = code === "llm.provider.auth" ? undefined : reported?.message;
  const said = shown === undefined ? "" : `: ${fit(shown, target)}`;
  const retryAfterMs = waitOf(retry) ?? reported?.retryAfterMs;
  return new GatewayError(code, `${target.name} ${SAYS[code] ?? "refused the call"}${said}`, {
    ...options,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...obeyed(retry.shouldRetry, code, options),
    ...(reported?.param && {
      issues: [{ path: fit(reported.param, target), message: "refused by the provider" }],
    }),
    cause: { status: answered, requestId },
  });
}

/** A provider's text, fit to be shown: neither what is secret nor what was asked is repeated. */
function fit(text: string, { secrets, asked }: Target): string {
  return asked ? redact(hideEchoes(redact(text, secrets, MAX_READ), asked)) : redact(text, secrets);
}

/** How much of a text is looked at for what it quotes, in characters: more than is shown. */
const MAX_READ = 4000;

/** What a provider's own word on another try (`x-should-retry`) changes. */
function obeyed(
  word: string | undefined,
  code: Code,
  { remedy = codes[code].remedy }: GatewayErrorOptions,
): GatewayErrorOptions {
  // Another try with a key that is not accepted is not another try.
  if (word === "true" && code !== "llm.provider.auth") return { retryable: true, remedy: "retry" };
  if (word !== "false") return {};
  return { retryable: false, remedy: remedy === "retry" ? "fallback" : remedy };
}

/**
 * What a status and the error's own words mean.
 * @see https://platform.openai.com/docs/guides/error-codes
 */
function classify(status: number, reported: ReportedError | undefined): [Code, GatewayErrorOptions] {
  const kind = reported?.kind ?? "";
  // A key that may not use one model is not a key that is wrong.
  if (status === 403 && /model/.test(kind)) return ["llm.model.not_found", { origin: "upstream", remedy: "fallback" }];
  if (status === 403 && !reported) return ["llm.provider.bad_response", LASTING];
  if (status === 401 || status === 403) return ["llm.provider.auth", {}];
  if (status === 402 || /insufficient_quota|billing/.test(kind)) return ["llm.provider.quota_exhausted", {}];
  // Spend limits are told as too many calls, in words only; waiting does not heal them.
  if (status === 429 && SPENT.test(reported?.message ?? "")) return ["llm.provider.quota_exhausted", {}];
  if (status === 429) return ["llm.provider.rate_limited", {}];
  if (status === 503 || status === 529) return ["llm.provider.overloaded", {}];
  if (status >= 500 || status === 408 || status === 425) return ["llm.provider.server_error", {}];
  // Without an error in the provider's own words, such a status is of something in front of it or of a wrong URL.
  if (!reported) return ["llm.provider.bad_response", LASTING];
  if (/context_length/.test(kind)) return ["llm.request.context_length", { origin: "upstream" }];
  if (status === 404) return ["llm.model.not_found", { origin: "upstream", remedy: "fallback" }];
  if (status === 409) return ["llm.provider.rejected", { status, retryable: true, remedy: "retry", maxRetries: 1 }];
  return ["llm.provider.rejected", { status: status === 413 || status === 422 ? status : 400 }];
}

const SPENT = /\bspend(ing)? limit|credit balance/i;

const SAYS: Partial<Readonly<Record<Code, string>>> = {
  "llm.provider.auth": "did not accept the gateway's key",
  "llm.provider.quota_exhausted": "has no quota left for the gateway",
  "llm.provider.rate_limited": "limits the gateway's calls",
  "llm.provider.overloaded": "is overloaded",
  "llm.provider.server_error": "failed",
  "llm.provider.bad_response": "answered with an error that is not its own",
  "llm.request.context_length": "cannot take so long a context",
  "llm.model.not_found": "does not have this model",
};

/** The status that an error without one stands for: it arrived in a stream or body that began as a success. */
function statusOf(kind: string): number {
  if (/rate_limit|resource_exhausted|insufficient_quota/.test(kind)) return 429;
  if (/overloaded|unavailable/.test(kind)) return 503;
  if (/authentication|permission|invalid_api_key/.test(kind)) return 401;
  if (/not_found/.test(kind)) return 404;
  return /invalid_request|context_length|content_(policy|filter)/.test(kind) ? 400 : 500;
}

/** Longer waits are not told; they also keep every timer within its 31 bits. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1000;

/** The wait that a provider asks for, from `retry-after-ms` or `Retry-After` (RFC 9110, section 10.2.3). */
export function waitOf({ retryAfterMs, retryAfter }: RetryHeaders, nowMs: number = Date.now()): number | undefined {
  const candidates = [decimal(retryAfterMs), decimal(retryAfter, 1000), until(retryAfter, nowMs)];
  const wait = candidates.find((ms) => ms !== undefined);
  return wait === undefined ? undefined : Math.min(wait, MAX_WAIT_MS);
}

/**
 * The delay of a `google.rpc.RetryInfo` among the details of an error, such as `"34.4s"`: Gemini's way to tell it.
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
 */
function retryDelayIn(details: unknown): number | undefined {
  for (const detail of Array.isArray(details) ? details : []) {
    const delay = isObject(detail) ? detail.retryDelay : undefined;
    const ms = typeof delay === "string" && delay.endsWith("s") ? decimal(delay.slice(0, -1), 1000) : undefined;
    if (ms !== undefined) return Math.min(ms, MAX_WAIT_MS);
  }
  return undefined;
}

function decimal(text: string | undefined, unit = 1): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) * unit : undefined;
}

/** An HTTP date always names GMT; anything else that `Date.parse` would take is not one. */
function until(text: string | undefined, nowMs: number): number | undefined {
  const at = text?.endsWith("GMT") ? Date.parse(text) : Number.NaN;
  return at > nowMs ? at - nowMs : undefined;
}
