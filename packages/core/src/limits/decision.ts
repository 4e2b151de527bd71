import { GatewayError } from "../error.ts";

/** What a layer of limits decided for one call. */
export interface LimitDecision {
  /** The name of the layer. */
  readonly layer: string;
  readonly allowed: boolean;
  /** Whether the call passed all the same. */
  readonly dryRun: boolean;
  /** What each limit looked like after it; empty where the store lets calls pass without counting them. */
  readonly limits: readonly LimitState[];
}

/** What one limit looks like. */
export interface LimitState {
  readonly name: string;
  readonly counts: "requests" | "tokens";
  readonly capacity: number;
  readonly periodMs: number;
  /** What the call took, or would have taken. */
  readonly cost: number;
  /** What is left; below 0 it is a debt. */
  readonly remaining: number;
  /** Milliseconds until all of it is there again. */
  readonly resetMs: number;
  /** Milliseconds until the call could pass: 0 where it could, Infinity where it never could. */
  readonly waitMs: number;
}

/**
 * The headers that tell a caller of its limits: of each kind the limit of which the least is left. The first three speak of
 * requests, or of tokens where those alone are limited.
 * @see https://platform.openai.com/docs/guides/rate-limits the names and the form of those with a kind
 */
export function limitHeaders(limits: readonly LimitState[], model: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const kind of ["tokens", "requests"] as const) {
    const tightest = limits.filter(({ counts }) => counts === kind).reduce(tighter, undefined);
    if (!tightest) continue;
    const limit = String(Math.floor(tightest.capacity));
    const remaining = String(Math.max(0, tightest.remaining));
    const seconds = Math.ceil(tightest.resetMs / 1000);
    headers["x-ratelimit-limit"] = limit;
    headers["x-ratelimit-remaining"] = remaining;
    headers["x-ratelimit-reset"] = String(seconds);
    headers["x-ratelimit-model"] = model;
    headers[`x-ratelimit-limit-${kind}`] = limit;
    headers[`x-ratelimit-remaining-${kind}`] = remaining;
    headers[`x-ratelimit-reset-${kind}`] = duration(seconds);
  }
  return headers;
}

/** The error of a call that the limits refuse, for the one that holds it back for longest. */
export function refusal(limits: readonly LimitState[], model: string): GatewayError {
  const refused = limits.reduce((one, other) => (other.waitMs > one.waitMs ? other : one));
  const { counts, cost, capacity, periodMs, waitMs, name } = refused;
  const limit = `${numberText(capacity)} ${counts} in ${duration(Math.ceil(periodMs / 1000))} (${name})`;
  // What a caller is told of all limits is told of the one that refuses it.
  const others = limits.filter((other) => other.counts !== counts);
  const headers = limitHeaders([...others, refused], model);
  const code = `llm.rate_limit.${counts}` as const;
  if (waitMs === Number.POSITIVE_INFINITY) {
    const needs = `This call counts as ${numberText(cost)} ${counts}, and the limit is ${limit}`;
    const fix = counts === "tokens" ? ": shorten the prompt, or ask for less with max_tokens." : ".";
    return new GatewayError(code, needs + fix, { retryable: false, retryAfterMs: Math.max(1000, periodMs), headers });
  }
  const again = `try again in ${duration(Math.ceil(waitMs / 1000))}.`;
  return new GatewayError(code, `The limit of ${limit} is reached: ${again}`, { retryAfterMs: waitMs, headers });
}

function tighter(one: LimitState | undefined, other: LimitState): LimitState {
  return one && one.remaining <= other.remaining ? one : other;
}

function numberText(value: number): string {
  return NUMBERS.format(Math.ceil(value));
}

const NUMBERS = new Intl.NumberFormat("en-US");

/** Seconds as OpenAI writes them: `59s`, `6m0s`, `24h0m0s`. */
function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = `${seconds % 60}s`;
  if (minutes === 0) return rest;
  return minutes < 60 ? `${minutes}m${rest}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${rest}`;
}
