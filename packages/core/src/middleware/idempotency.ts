import { createHash, randomUUID } from "node:crypto";
import { pause, untilOver } from "../abort.ts";
import { callerId } from "../caller.ts";
import type { ChatChunk, ChatReply, ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { GatewayError, type GatewayErrorOptions, invalidRequest } from "../error.ts";
import { HeldChunks } from "../held-chunks.ts";
import { parseJson } from "../json.ts";
import { noteLookup } from "../notes.ts";
import { numberIn, wholeIn } from "../options.ts";
import { quietly } from "../quietly.ts";
import { mapChunks } from "../reply.ts";
import { keepRenewing, LEASE_MS } from "../stores/lease.ts";
import { memoryStore } from "../stores/memory-store.ts";
import type { Claim, IdempotencyStore } from "../stores/store.ts";

/** Where and how long answers are remembered. */
export interface IdempotencyOptions {
  /** Where calls are remembered; default the memory of this process. */
  readonly store?: IdempotencyStore;
  /** How long an answer can be had again, in milliseconds; default 24 hours. */
  readonly ttlMs?: number;
  /** How large an answer is remembered, in characters of its JSON; default 1 Mi. A larger one is executed again. */
  readonly maxChars?: number;
  /** How long a call waits for another with the same key that is still running, in milliseconds; default 300,000. */
  readonly maxWaitMs?: number;
  readonly clock?: Clock;
}

/**
 * Executes a call with an `Idempotency-Key` once: the same caller, key and body get the same answer again, a stream as a
 * stream, with the header `idempotent-replayed: true`. One that comes while the first is running waits for it. The same
 * key with another body is `llm.request.idempotency_conflict`. Only whole answers are remembered: after a failure, or
 * where the caller left, the next call is executed anew. Throws a `TypeError` for a bad option.
 */
export function idempotency({
  store = memoryStore(),
  ttlMs = 24 * 60 * 60 * 1000,
  maxChars = 1024 * 1024,
  maxWaitMs = 300_000,
  clock = systemClock,
}: IdempotencyOptions = {}): Middleware {
  numberIn("idempotency", "ttlMs", ttlMs, 1, 30 * 24 * 60 * 60 * 1000);
  numberIn("idempotency", "maxWaitMs", maxWaitMs, 0, 86_400_000);
  wholeIn("idempotency", "maxChars", maxChars, 1, 1024 ** 3);

  /** How many calls wait, by key. */
  const waiting = new Map<string, number>();

  /** Claims a key, or waits for what becomes of it. */
  const claim = async (key: string, fingerprint: string, owner: string, signal: AbortSignal): Promise<Claim> => {
    const giveUpAt = clock.now() + maxWaitMs;
    let waits = false;
    try {
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LAST_WAIT_MS)) {
        const known = await store.claim(key, fingerprint, owner, LEASE_MS);
        if (known.fingerprint !== fingerprint) throw conflict("This Idempotency-Key was sent with another body.");
        if (known.state !== "running") return known;
        const others = waiting.get(key) ?? 0;
        if (clock.now() + waitMs > giveUpAt || (!waits && others >= MAX_WAITING)) throw STILL_RUNS;
        if (!waits) waiting.set(key, others + 1);
        waits = true;
        await pause(waitMs, clock, signal);
      }
    } finally {
      const left = (waiting.get(key) ?? 0) - 1;
      if (waits && left > 0) waiting.set(key, left);
      else if (waits) waiting.delete(key);
    }
  };

  return async (request, next) => {
    const { headers, signal } = request.call;
    const given = headers["idempotency-key"];
    if (given === undefined) return next(request);
    if (!KEY.test(given)) {
      const message = "send 1 to 255 letters, digits and signs without white space, a new one for each call";
      throw invalidRequest([{ path: "Idempotency-Key", message }]);
    }
    const key = hash(`${callerId(request.call)}\n${given}`);
    const fingerprint = fingerprintOf(request);
    const owner = randomUUID();

    const known = await claim(key, fingerprint, owner, signal);
    noteLookup(request.call, "idempotency", known.state === "done");
    if (known.state === "done") return replay(known.record);

    const stopRenewing = keepRenewing(() => store.claim(key, fingerprint, owner, LEASE_MS), clock);
    const settle = (record?: string): void => {
      // What the store does not keep is executed again.
      stopRenewing(() => quietly(() => store.settle(key, owner, record, ttlMs)));
    };
    let recorder: Recorder | undefined;
    const recorded = next(request).then((reply) => {
      const own = new Recorder(reply.headers, maxChars);
      recorder = own;
      return mapChunks(reply, (chunk) => own.add(chunk));
    });
    return untilOver(recorded, signal, ({ outcome }) => settle(outcome === "completed" ? recorder?.record : undefined));
  };
}

const KEY = /^[\x21-\x7e]{1,255}$/;
/** How many calls of one key may wait for its first: each holds its body, and no limit further in sees it. */
const MAX_WAITING = 8;
const FIRST_WAIT_MS = 20;
const LAST_WAIT_MS = 500;

function conflict(message: string, options?: GatewayErrorOptions): GatewayError {
  return new GatewayError("llm.request.idempotency_conflict", message, options);
}

const STILL_RUNS = conflict("The call with this Idempotency-Key still runs.", {
  status: 409,
  retryable: true,
  retryAfterMs: LAST_WAIT_MS,
});

function hash(text: string): string {
  // As UTF-8, halves of surrogate pairs, which JSON can hold, would all be the same.
  return createHash("sha256").update(text, "utf16le").digest("base64url");
}

function fingerprintOf({ call: _, ...body }: ChatRequest): string {
  return hash(JSON.stringify(body));
}

class Recorder {
  readonly #headers: ChatReply["headers"];
  readonly #maxChars: number;
  #chunks: string[] = [];
  #size = 0;

  constructor(headers: ChatReply["headers"], maxChars: number) {
    this.#headers = headers;
    this.#maxChars = maxChars;
  }

  add(chunk: ChatChunk): ChatChunk {
    if (this.#size > this.#maxChars) return chunk;
    const text = JSON.stringify(chunk);
    this.#size += text.length;
    if (this.#size > this.#maxChars) this.#chunks = [];
    else this.#chunks.push(text);
    return chunk;
  }

  /** The answer as text, or `undefined` where it is too large to be remembered. */
  get record(): string | undefined {
    if (this.#size > this.#maxChars) return undefined;
    return `{"headers":${JSON.stringify(this.#headers)},"chunks":[${this.#chunks.join(",")}]}`;
  }
}

function replay(record: string): ChatReply {
  // A record is what a recorder wrote.
  const { headers, chunks } = parseJson(record) as { headers: ChatReply["headers"]; chunks: ChatChunk[] };
  return { headers: { ...headers, "idempotent-replayed": "true" }, chunks: new HeldChunks(chunks) };
}
