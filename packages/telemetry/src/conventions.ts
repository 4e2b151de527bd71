/**
 * The version of OpenTelemetry's semantic conventions whose names are used: the last release that defines those for
 * generative AI. Since then they live in a repository of their own, which has not released any.
 * @see https://github.com/open-telemetry/semantic-conventions/tree/v1.41.1/docs/gen-ai
 */
const CONVENTIONS_VERSION = "1.41.1";

/** What makes spans and metrics, as exporters show it. */
export const scope: Scope = {
  name: "@gatewright/telemetry",
  version: "0.1.0",
  options: { schemaUrl: `https://opentelemetry.io/schemas/${CONVENTIONS_VERSION}` },
};

export interface Scope {
  readonly name: string;
  /** The version of this package. */
  readonly version: string;
  readonly options: { readonly schemaUrl: string };
}

/** The attributes of the conventions that are set here. */
export const attribute = {
  errorType: "error.type",
  statusCode: "http.response.status_code",
  operation: "gen_ai.operation.name",
  outputType: "gen_ai.output.type",
  provider: "gen_ai.provider.name",
  choiceCount: "gen_ai.request.choice.count",
  frequencyPenalty: "gen_ai.request.frequency_penalty",
  maxTokens: "gen_ai.request.max_tokens",
  requestModel: "gen_ai.request.model",
  presencePenalty: "gen_ai.request.presence_penalty",
  seed: "gen_ai.request.seed",
  stopSequences: "gen_ai.request.stop_sequences",
  stream: "gen_ai.request.stream",
  temperature: "gen_ai.request.temperature",
  topK: "gen_ai.request.top_k",
  topP: "gen_ai.request.top_p",
  finishReasons: "gen_ai.response.finish_reasons",
  responseId: "gen_ai.response.id",
  responseModel: "gen_ai.response.model",
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  tokenType: "gen_ai.token.type",
  cacheCreationTokens: "gen_ai.usage.cache_creation.input_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  openaiApi: "openai.api.type",
  openaiRequestTier: "openai.request.service_tier",
  openaiResponseTier: "openai.response.service_tier",
  openaiFingerprint: "openai.response.system_fingerprint",
} as const;

/** The attributes that the conventions do not know. */
export const own = {
  cacheHit: "gatewright.cache.hit",
  cacheHits: "gatewright.cache.hits",
  caller: "gatewright.caller",
  circuitTarget: "gatewright.circuit.target",
  circuitTo: "gatewright.circuit.to",
  fallbacks: "gatewright.call.fallbacks",
  layer: "gatewright.layer",
  limitAllowed: "gatewright.limit.allowed",
  limitDryRun: "gatewright.limit.dry_run",
  model: "gatewright.request.model",
  outcome: "gatewright.outcome",
  requestId: "gatewright.request.id",
  retries: "gatewright.call.retries",
  schemaName: "gatewright.schema.name",
  schemaVersion: "gatewright.schema.version",
  upstreamRequestId: "gatewright.upstream.request_id",
} as const;

/** The one operation of the conventions that a gateway performs. */
export const CHAT = "chat";

/** Stands for what has no name of its own, as the conventions do it in `error.type`. */
export const OTHER = "_OTHER";

/** Boundaries of the buckets that the conventions ask for, in seconds and in tokens. */
export const DURATION_BUCKETS: readonly number[] = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
export const TOKEN_BUCKETS: readonly number[] = [
  1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
];
