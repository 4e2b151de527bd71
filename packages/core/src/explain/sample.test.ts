// No tests: a log for those of its neighbours. Its name keeps it out of the package.
import { type Code, codes } from "../codes.ts";
import type { AttemptRecord, CallRecord, ErrorRecord } from "../records/record.ts";

/** When the sample begins. */
export const BEGAN: number = Date.UTC(2026, 2, 4, 12);
const MINUTE = 60_000;

/** Mulberry32: the same numbers every time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A record of a call that completed, with whatever else is said of it. */
export function record(facts: Partial<CallRecord> = {}): CallRecord {
  return {
    time: new Date(BEGAN).toISOString(),
    request_id: "req-1",
    caller: "key alice",
    operation: "chat",
    model: "gpt-5-mini",
    provider: "openai",
    stream: true,
    status: 200,
    outcome: "completed",
    partial: false,
    attempts: [],
    retries: 0,
    fallbacks: 0,
    total_ms: 1000,
    ...facts,
  };
}

/** The error of a code, as its table says it. */
export function errorOf(code: Code, message: string = `It was ${code}.`): ErrorRecord {
  const { status, phase, layer, origin, retryable } = codes[code];
  return { code, status, phase, layer, origin, retryable, message };
}

const MODELS = [
  ["gpt-5-mini", "openai", 0.4],
  ["gpt-5", "openai", 0.6],
  ["claude-sonnet-5", "anthropic", 0.85],
  ["gemini-3-flash", "gemini", 1],
] as const;
const CALLERS = ["key web", "key mobile", "key batch", "key support", "token anna", "token ben"] as const;

/**
 * An hour of a gateway's log: from minute 24 to 36 a provider is overloaded, of which a fallback cures a half; one caller is in a
 * loop above its limit; and there is what there is every day.
 */
export function* sampleRecords(calls: number): Generator<CallRecord> {
  const next = random(7);
  for (let at = 0; at < calls; at++) {
    const minute = ((at + 0.06 * calls * Math.sin((at / calls) * 9) ** 2) / calls) * 56.6 + next() * 0.8;
    const begun = { time: new Date(BEGAN + Math.floor(minute * MINUTE)).toISOString(), request_id: `req-${at}` };
    const draw = next();
    const [model, provider] = MODELS.find(([, , upTo]) => draw < upTo) ?? MODELS[0];
    const caller = CALLERS[Math.floor(next() * CALLERS.length)] ?? CALLERS[0];
    yield record({ ...begun, caller, model, provider, ...became(model, provider, caller, minute, at, next) });
  }
}

function became(
  model: string,
  provider: string,
  caller: string,
  minute: number,
  at: number,
  next: () => number,
): Partial<CallRecord> {
  const luck = next();
  const first = Math.round(250 + 500 * next() ** 2);
  const total = first + Math.round(4000 * next() ** 2);
  const tried = (facts: Partial<AttemptRecord> = {}): AttemptRecord => {
    const whole = { started_ms: 0, first_token_ms: first, duration_ms: total };
    return { provider, model, status: 200, ...whole, upstream_request_id: `up-${at}`, ...facts };
  };
  const tokens = { input: 200 + Math.floor(next() * 800), output: 20 + Math.floor(total / 12) };
  const answer = { tokens, cost: tokens.output / 1e5, first_token_ms: first, total_ms: total, answered_by: model };
  if (provider === "anthropic" && minute >= 24 && minute < 36 && luck < 0.8) {
    const { first_token_ms: _, ...failed } = tried({ status: 529, code: "llm.provider.overloaded", duration_ms: 300 });
    const both = [failed, { ...failed, started_ms: 1620, duration_ms: 280, upstream_request_id: `up-${at}-2` }];
    if (luck < 0.4) {
      const cured = tried({ provider: "openai", model: "gpt-5", started_ms: 1900 });
      const all = { attempts: [...both, cured], retries: 1, fallbacks: 1, provider: "openai" };
      return { ...answer, ...all, answered_by: "gpt-5", first_token_ms: 1900 + first, total_ms: 1900 + total };
    }
    const error = { ...errorOf("llm.provider.overloaded", "The provider is overloaded."), retryable: false };
    return { outcome: "failed", status: 503, error, attempts: both, retries: 1, total_ms: 1900 };
  }
  if (caller === "key batch" && minute > 40 && luck < 0.5) {
    const limits = [{ layer: "rateLimit", name: "requests per caller", allowed: false, remaining: 0, capacity: 30 }];
    const error = errorOf("llm.rate_limit.requests", "At most 30 requests in 60 s.");
    return { outcome: "failed", status: 429, error, limits, total_ms: 2 };
  }
  if (luck < 0.004) {
    const error = errorOf("llm.stream.interrupted", "The provider's stream ended before the answer did.");
    return {
      outcome: "interrupted",
      partial: true,
      error,
      attempts: [tried({ code: "llm.stream.interrupted" })],
      first_token_ms: first,
      total_ms: total,
    };
  }
  if (luck < 0.012)
    return {
      outcome: "canceled",
      partial: true,
      status: 499,
      attempts: [tried({ code: "llm.canceled" })],
      total_ms: total,
    };
  if (luck < 0.016) {
    return {
      outcome: "failed",
      status: 401,
      error: errorOf("llm.auth.invalid_key"),
      caller: "address 10.0.0.9",
      total_ms: 1,
    };
  }
  if (luck < 0.02) {
    const error = errorOf("llm.output.schema_mismatch", "The answer does not match the schema.");
    return { ...answer, outcome: "failed", status: 500, error, attempts: [tried()] };
  }
  return { ...answer, attempts: [tried()] };
}

/** A log of such records, a line each. */
export function sampleLog(calls: number): string {
  return sampleRecords(calls)
    .map((each) => `${JSON.stringify(each)}\n`)
    .toArray()
    .join("");
}
