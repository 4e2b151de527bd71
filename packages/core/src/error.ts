import type { Usage } from "./chat.ts";
import { type Code, codes, type Layer, type Origin, type Phase, type Remedy } from "./codes.ts";

/** One thing wrong with a request. */
export interface Issue {
  /** The failing field, written as in code: `messages[2].content`. Empty for the body as a whole. */
  readonly path: string;
  readonly message: string;
}

/** One call of a provider, made on behalf of one call of the gateway. */
export interface Attempt {
  readonly provider: string;
  readonly model: string;
  /** The provider's HTTP status; absent where none arrived. */
  readonly status?: number;
  /** The provider's own id of the call, to quote in its support form. */
  readonly upstreamRequestId?: string;
  /** When it began, in milliseconds since 1970; absent where its provider does not say. */
  readonly startedAt?: number;
  /** Milliseconds until the first visible chunk of its stream. */
  readonly firstTokenMs?: number;
  /** Milliseconds until it had ended: its answer was complete, it failed, or it broke off. Of one that goes on, until its first chunk. */
  readonly durationMs: number;
  /** What its provider says was used, as far as that is known. */
  readonly usage?: Usage;
  /** How it failed; absent where it did not. */
  readonly code?: Code;
}

/** What a `GatewayError` may say beyond its code and message. What is left out follows from the code. */
export interface GatewayErrorOptions {
  /** The HTTP status for the caller, where the code alone does not settle it. */
  readonly status?: number;
  readonly phase?: Phase;
  readonly origin?: Origin;
  readonly retryable?: boolean;
  readonly remedy?: Remedy;
  /** How often at most the same target should be asked again after this failure; default as often as may be. */
  readonly maxRetries?: number | undefined;
  /** How long to wait before the next try, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly issues?: readonly Issue[];
  readonly attempts?: readonly Attempt[];
  /** Extra headers for the caller, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What went wrong underneath. For logs; a caller never sees it. */
  readonly cause?: unknown;
}

/** The one error of a gateway. Its message is written for the caller and holds no secrets. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: Code;
  readonly status: number;
  readonly phase: Phase;
  readonly layer: Layer;
  readonly origin: Origin;
  readonly retryable: boolean;
  readonly remedy: Remedy;
  readonly maxRetries: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly issues: readonly Issue[];
  readonly attempts: readonly Attempt[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: Code, message: string, options: GatewayErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    const facts = codes[code];
    this.code = code;
    this.status = options.status ?? facts.status;
    this.phase = options.phase ?? facts.phase;
    this.layer = facts.layer;
    this.origin = options.origin ?? facts.origin;
    this.retryable = options.retryable ?? facts.retryable;
    this.remedy = options.remedy ?? facts.remedy;
    this.maxRetries = options.maxRetries;
    this.retryAfterMs = options.retryAfterMs;
    this.issues = options.issues ?? [];
    this.attempts = options.attempts ?? [];
    this.headers = options.headers ?? {};
  }

  /** The same error with other facts, such as the phase that what was seen of the answer decides. */
  with(facts: GatewayErrorOptions): GatewayError {
    return new GatewayError(this.code, this.message, { ...this, cause: this.cause, ...facts });
  }
}

/** How many failing fields are told at the most. */
const MAX_ISSUES = 20;

/** The error for a request with failing fields: `llm.request.invalid`, whose message names them. */
export function invalidRequest(found: readonly Issue[]): GatewayError {
  const issues = found.slice(0, MAX_ISSUES);
  const message = issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message)).join("; ");
  return new GatewayError("llm.request.invalid", message, { issues });
}

/**
 * Whether an error shows that the service behind the gateway is in trouble: what counts against its health. A refusal of
 * the request, of the gateway's key or of more calls does not, and neither does a caller who left, nor an answer that
 * would be as unusable the next time.
 */
export function isOutage({ origin, layer, status, code, remedy }: GatewayError): boolean {
  const behind = origin === "upstream" && (layer === "upstream" || layer === "network");
  const lasting = code === "llm.provider.bad_response" && remedy !== "retry";
  // The provider is not to blame for a key that is the gateway's, nor for a service of transcripts.
  const isOther = code === "llm.provider.auth" || code === "llm.transcript.unavailable";
  return behind && status >= 500 && !isOther && !lasting;
}

/**
 * Any thrown value as a `GatewayError`. One is returned as it is; what an aborted signal caused is `llm.canceled`;
 * everything else is `llm.internal`, with the value as its cause and nothing of it in the message.
 */
export function toGatewayError(thrown: unknown, signal?: AbortSignal): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (signal?.aborted) {
    const reason: unknown = signal.reason;
    return reason instanceof GatewayError ? reason : new GatewayError("llm.canceled", CANCELED, { cause: thrown });
  }
  return new GatewayError("llm.internal", "The gateway failed to handle this call.", { cause: thrown });
}

const CANCELED = "The caller went away before the answer was complete.";
