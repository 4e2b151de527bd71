/** Which part of the work failed. */
export type Layer = "identity" | "quota" | "rate_limit" | "request" | "network" | "upstream" | "output" | "gateway";

/** When it failed, seen from the generation of the answer: before its first visible chunk, during it, or after it. */
export type Phase = "before" | "during" | "after";

/** Whose failure it is: the gateway's (or its caller's) own, or the provider's behind it. */
export type Origin = "gateway" | "upstream";

/**
 * What may cure a failure. `retry`: the same target in a moment, or another. `fallback`: another target only.
 * `fallback-first`: another target at once, the same one where there is no other. `none`: no target.
 */
export type Remedy = "retry" | "fallback-first" | "fallback" | "none";

/**
 * Every failure that a caller can be told of. The codes are stable; a new release may add some. `retryable` tells
 * the caller whether the same call may safely be sent again; `remedy` tells the layers in between what they may do.
 */
// biome-ignore format: a table reads best with a row a line
export const codes = {
  "llm.auth.missing_key": { status: 401, layer: "identity", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.auth.invalid_key": { status: 401, layer: "identity", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.auth.unavailable": { status: 503, layer: "identity", origin: "gateway", phase: "before", retryable: true, remedy: "none" },
  "llm.access.model_unavailable": { status: 403, layer: "identity", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.billing.quota_exhausted": { status: 429, layer: "quota", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.rate_limit.requests": { status: 429, layer: "rate_limit", origin: "gateway", phase: "before", retryable: true, remedy: "fallback" },
  "llm.rate_limit.tokens": { status: 429, layer: "rate_limit", origin: "gateway", phase: "before", retryable: true, remedy: "fallback" },
  "llm.rate_limit.concurrency": { status: 429, layer: "rate_limit", origin: "gateway", phase: "before", retryable: true, remedy: "fallback" },
  "llm.request.invalid": { status: 400, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.request.unsupported_parameter": { status: 400, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.request.context_length": { status: 400, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "fallback" },
  "llm.request.not_found": { status: 404, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.request.method_not_allowed": { status: 405, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.request.timeout": { status: 408, layer: "request", origin: "gateway", phase: "before", retryable: true, remedy: "none" },
  "llm.request.too_large": { status: 413, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.request.unsupported_media_type": { status: 415, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.request.idempotency_conflict": { status: 422, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.model.not_found": { status: 404, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.transcript.not_found": { status: 404, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.transcript.not_ready": { status: 409, layer: "request", origin: "gateway", phase: "before", retryable: true, remedy: "none" },
  "llm.transcript.failed": { status: 422, layer: "request", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.transcript.unavailable": { status: 503, layer: "upstream", origin: "upstream", phase: "before", retryable: true, remedy: "none" },
  "llm.provider.auth": { status: 502, layer: "upstream", origin: "upstream", phase: "before", retryable: false, remedy: "fallback" },
  "llm.provider.rejected": { status: 400, layer: "upstream", origin: "upstream", phase: "before", retryable: false, remedy: "none" },
  "llm.provider.rate_limited": { status: 429, layer: "upstream", origin: "upstream", phase: "before", retryable: true, remedy: "retry" },
  "llm.provider.quota_exhausted": { status: 429, layer: "upstream", origin: "upstream", phase: "before", retryable: false, remedy: "fallback" },
  "llm.provider.overloaded": { status: 503, layer: "upstream", origin: "upstream", phase: "before", retryable: true, remedy: "retry" },
  "llm.provider.circuit_open": { status: 503, layer: "gateway", origin: "gateway", phase: "before", retryable: true, remedy: "fallback" },
  "llm.provider.server_error": { status: 502, layer: "upstream", origin: "upstream", phase: "before", retryable: true, remedy: "retry" },
  "llm.provider.unreachable": { status: 502, layer: "network", origin: "upstream", phase: "before", retryable: true, remedy: "retry" },
  "llm.provider.bad_response": { status: 502, layer: "upstream", origin: "upstream", phase: "before", retryable: true, remedy: "retry" },
  "llm.timeout.connect": { status: 504, layer: "network", origin: "upstream", phase: "before", retryable: true, remedy: "fallback" },
  "llm.timeout.first_token": { status: 504, layer: "upstream", origin: "upstream", phase: "before", retryable: true, remedy: "fallback" },
  "llm.timeout.idle": { status: 504, layer: "upstream", origin: "upstream", phase: "during", retryable: true, remedy: "fallback" },
  "llm.timeout.total": { status: 504, layer: "gateway", origin: "gateway", phase: "before", retryable: true, remedy: "fallback" },
  "llm.stream.interrupted": { status: 502, layer: "upstream", origin: "upstream", phase: "during", retryable: true, remedy: "retry" },
  "llm.output.invalid_json": { status: 500, layer: "output", origin: "upstream", phase: "after", retryable: false, remedy: "none" },
  "llm.output.schema_mismatch": { status: 500, layer: "output", origin: "upstream", phase: "after", retryable: false, remedy: "none" },
  "llm.output.invalid_tool_arguments": { status: 500, layer: "output", origin: "upstream", phase: "after", retryable: false, remedy: "none" },
  "llm.overloaded": { status: 503, layer: "gateway", origin: "gateway", phase: "before", retryable: true, remedy: "fallback" },
  "llm.shutting_down": { status: 503, layer: "gateway", origin: "gateway", phase: "before", retryable: true, remedy: "none" },
  "llm.canceled": { status: 499, layer: "gateway", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
  "llm.internal": { status: 500, layer: "gateway", origin: "gateway", phase: "before", retryable: false, remedy: "none" },
} as const;

/** The name of a failure. */
export type Code = keyof typeof codes;
