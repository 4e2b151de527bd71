export type { AddressOf } from "./address.ts";
export { addressRule } from "./address.ts";
export { answerHeaders, setAnswerHeaders } from "./answer-headers.ts";
export type { TriesAgain } from "./attempts.ts";
export { attempts, triesAgain } from "./attempts.ts";
export { begin } from "./begin.ts";
export type { Call } from "./call.ts";
export { createCall } from "./call.ts";
export type { Caller } from "./caller.ts";
export { caller, callerId } from "./caller.ts";
export type {
  ChatBody,
  ChatChunk,
  ChatCompletion,
  ChatMessage,
  ChatReply,
  ChatRequest,
  ChatTool,
  ChunkChoice,
  CompletionChoice,
  ContentPart,
  Delta,
  Handler,
  Middleware,
  ToolCall,
  Usage,
} from "./chat.ts";
export type { ChunkIterator } from "./chunk-iterator.ts";
export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { Code, Layer, Origin, Phase, Remedy } from "./codes.ts";
export { codes } from "./codes.ts";
export { collect } from "./collect.ts";
export { compose } from "./compose.ts";
export type { Context, ContextKey } from "./context.ts";
export { contextKey, withValue } from "./context.ts";
export { deadline } from "./deadline.ts";
export type { Envelope, EnvelopeName, ErrorBody } from "./envelope.ts";
export type { Attempt, GatewayErrorOptions, Issue } from "./error.ts";
export { GatewayError, invalidRequest, isOutage, toGatewayError } from "./error.ts";
export type { Gateway, GatewayOptions } from "./gateway.ts";
export { gateway } from "./gateway.ts";
export { HeldChunks } from "./held-chunks.ts";
export type { HttpReply, HttpRequest, ParsedBody, UnreadBody } from "./http.ts";
export { BodyTooLargeError } from "./http.ts";
export { JsonError, parseJson } from "./json.ts";
export type { KeyCacheOptions, KeyLookup } from "./keys/cache.ts";
export type { KeyFile, KeyFileOptions } from "./keys/file.ts";
export { keyFile } from "./keys/file.ts";
export type { KeyHeader } from "./keys/header.ts";
export type { ApiKey, KeyRecord } from "./keys/record.ts";
export type { LimitDecision, LimitState } from "./limits/decision.ts";
export type { Limit, OwnLimit, Subject } from "./limits/limit.ts";
export { readWindow } from "./limits/limit.ts";
export type { Rate } from "./limits/rate.ts";
export type { Auth, AuthOptions, TokenVerifier } from "./middleware/auth.ts";
export { auth } from "./middleware/auth.ts";
export type { BalanceOptions, BalanceTarget } from "./middleware/balance.ts";
export { balance } from "./middleware/balance.ts";
export type { Circuit, CircuitBreaker, CircuitBreakerOptions } from "./middleware/circuit-breaker.ts";
export { circuitBreaker } from "./middleware/circuit-breaker.ts";
export type { Concurrency, ConcurrencyOptions } from "./middleware/concurrency.ts";
export { concurrency } from "./middleware/concurrency.ts";
export type { DrainOptions } from "./middleware/drain.ts";
export { drain } from "./middleware/drain.ts";
export { endOn } from "./middleware/end-on.ts";
export type { FallbackOptions, FallbackTarget } from "./middleware/fallback.ts";
export { fallback } from "./middleware/fallback.ts";
export type { HedgeOptions } from "./middleware/hedge.ts";
export { hedge } from "./middleware/hedge.ts";
export type { HoldOptions } from "./middleware/hold.ts";
export { hold } from "./middleware/hold.ts";
export type { IdempotencyOptions } from "./middleware/idempotency.ts";
export { idempotency } from "./middleware/idempotency.ts";
export type { InjectTranscriptOptions } from "./middleware/inject-transcript.ts";
export { injectTranscript } from "./middleware/inject-transcript.ts";
export type { Log, LogOptions } from "./middleware/log.ts";
export { log } from "./middleware/log.ts";
export type { RateLimitMode, RateLimitOptions } from "./middleware/rate-limit.ts";
export { rateLimit } from "./middleware/rate-limit.ts";
export type { RetryOptions } from "./middleware/retry.ts";
export { retry } from "./middleware/retry.ts";
export type { TimeoutClass, TimeoutLimits, TimeoutOptions } from "./middleware/timeout.ts";
export { timeout, timeouts } from "./middleware/timeout.ts";
export type { Model, Models } from "./models.ts";
export type { MountOptions } from "./mount.ts";
export { ToolCalls } from "./normalize.ts";
export type { CacheLookup } from "./notes.ts";
export { cacheLookups, limitDecisions, traceHeaders } from "./notes.ts";
export { onlyKnown, wholeIn } from "./options.ts";
export { namePattern } from "./pattern.ts";
export type { LogSink } from "./records/outlet.ts";
export type { Price } from "./records/prices.ts";
export type {
  AttemptRecord,
  CallRecord,
  ContentRecord,
  ErrorRecord,
  LimitRecord,
  SchemaRecord,
  TokenRecord,
} from "./records/record.ts";
export { schemaOf } from "./records/schema-of.ts";
export type { ReplyEnd } from "./reply.ts";
export { discard, mapChunks, mapText, onEnd, textReply } from "./reply.ts";
export type { RetryBudgetOptions } from "./retry-budget.ts";
export { hideEchoes } from "./secrecy/echoes.ts";
export { redact } from "./secrecy/redact.ts";
export type { ShedOptions } from "./shed.ts";
export { shed } from "./shed.ts";
export type { ServerSentEvent } from "./sse.ts";
export { EventReader, EventTooLargeError, eventText, readEvents } from "./sse.ts";
export type { MemoryStoreOptions } from "./stores/memory-store.ts";
export { memoryStore } from "./stores/memory-store.ts";
export type { Claim, Draw, Drawn, DrawState, IdempotencyStore, LeaseStore, LimitStore, Store } from "./stores/store.ts";
export { tell } from "./tell.ts";
export { toFetch } from "./to-fetch.ts";
export { toNode } from "./to-node.ts";
export { estimateTokens } from "./tokens.ts";
export { fileTranscripts } from "./transcripts/file.ts";
export { bySpeaker } from "./transcripts/format.ts";
export type { TranscriptCacheOptions, TranscriptMismatch } from "./transcripts/lookup.ts";
export { memoryTranscripts } from "./transcripts/memory.ts";
export type { Transcript, TranscriptSource, TranscriptStatus, Utterance } from "./transcripts/transcript.ts";
export { isTranscriptId, readTranscript } from "./transcripts/transcript.ts";
export { spareTargets, takeTry, triesOf } from "./tries.ts";
export type { Workload } from "./workload.ts";
export { workload } from "./workload.ts";
