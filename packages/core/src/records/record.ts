import type { Layer, Origin, Phase } from "../codes.ts";

/**
 * What is left of a call once it has truly ended: one flat object of plain values, whose names are the same in every log. No
 * key, prompt or answer is in it, unless `content` says so.
 */
export interface CallRecord {
  /** When the call began: ISO 8601, UTC. Of a call that never came to the pipeline, when it failed. */
  readonly time: string;
  readonly request_id: string;
  /** Where the gateway runs, such as `production`. */
  readonly environment?: string;
  readonly region?: string;
  /** Who called, as `callerId` says it: `key alice`, `address 10.0.0.7`. Never a key. */
  readonly caller: string;
  /** What was asked: `chat`; `other` where the call never came so far that it was known. */
  readonly operation: "chat" | "other";
  /** The model that was asked for. */
  readonly model?: string;
  /** The model that answered. */
  readonly answered_by?: string;
  /** The provider that answered, else the last that was asked. */
  readonly provider?: string;
  readonly stream: boolean;
  /** The HTTP status that the caller got, or would have got had it stayed. A stream that fails in its middle has 200. */
  readonly status: number;
  /**
   * `completed`: the whole answer was passed on. `failed`: an error in place of an answer. `interrupted`: an error after a part of
   * it. `canceled`: the caller went away.
   */
  readonly outcome: "completed" | "failed" | "interrupted" | "canceled";
  /** Whether the caller was sent a part of an answer that did not complete. */
  readonly partial: boolean;
  readonly error?: ErrorRecord;
  /** The calls of providers, in order; of more than 32 the last ones. */
  readonly attempts: readonly AttemptRecord[];
  /** How often a target was asked that had just been asked. */
  readonly retries: number;
  /** How often another target was asked. */
  readonly fallbacks: number;
  /** What the providers reported, of all tries together. Absent where they reported nothing. */
  readonly tokens?: TokenRecord;
  /** What the tokens cost, in the unit of the configured prices; absent where there is none for the model. */
  readonly cost?: number;
  /** Milliseconds until the first visible piece of a stream was there. */
  readonly first_token_ms?: number;
  /** Milliseconds until the call had ended; absent where it never came to the pipeline. */
  readonly total_ms?: number;
  /** Why the answers ended, each reason once. */
  readonly finish_reasons?: readonly string[];
  /** The tools that the model called, each name once. */
  readonly tools?: readonly string[];
  /** The JSON Schema that the answer was to match. */
  readonly schema?: SchemaRecord;
  /** What the limits decided. */
  readonly limits?: readonly LimitRecord[];
  /** Which layers had the answer, or a part of the request, already. */
  readonly cache?: readonly { readonly layer: string; readonly hit: boolean }[];
  /** What steps of post-processing made of the answer: how it was repaired. */
  readonly post_processing?: readonly Readonly<Record<string, unknown>>[];
  /** What was said, passed through the configured redaction. Absent where none is configured. */
  readonly content?: ContentRecord;
}

/** Why a call did not complete. */
export interface ErrorRecord {
  readonly code: string;
  /** The status of the error itself: of a stream that failed in its middle, the one that it could not have any more. */
  readonly status: number;
  readonly phase: Phase;
  readonly layer: Layer;
  readonly origin: Origin;
  readonly retryable: boolean;
  /** What the caller was told, with credentials masked. */
  readonly message: string;
  /** The failing fields. */
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
  /** What went wrong underneath, with credentials masked: of a defect of the gateway with its stack. */
  readonly cause?: string;
}

/** One call of a provider. */
export interface AttemptRecord {
  readonly provider: string;
  readonly model: string;
  readonly status?: number;
  readonly code?: string;
  /** Milliseconds after the call began. */
  readonly started_ms?: number;
  /** Milliseconds until the first visible chunk of a stream. */
  readonly first_token_ms?: number;
  /** Milliseconds until it had ended: its answer was complete, it failed, or it broke off. */
  readonly duration_ms: number;
  readonly upstream_request_id?: string;
}

/** How many tokens were used. `cached` are part of `input`, `reasoning` part of `output`. */
export interface TokenRecord {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly reasoning?: number;
}

export interface SchemaRecord {
  readonly name: string;
  /** The first 12 hex digits of the SHA-256 of the schema: two versions under one name are told apart. */
  readonly version: string;
}

/** What one limit looked like when it was asked. */
export interface LimitRecord {
  /** The name of the layer. */
  readonly layer: string;
  readonly name: string;
  readonly allowed: boolean;
  /** The limit only watches: what it did not allow passed all the same. */
  readonly dry_run?: boolean;
  readonly remaining: number;
  readonly capacity: number;
}

export interface ContentRecord {
  readonly prompt: string;
  readonly answer: string;
}

/** A record, or a part of one, while it is made. */
export type Writable<Part> = { -readonly [Field in keyof Part]: Part[Field] };
