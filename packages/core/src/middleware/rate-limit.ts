import { NONE, setAnswerHeaders } from "../answer-headers.ts";
import { attempts } from "../attempts.ts";
import type { ChatChunk, ChatReply, ChatRequest, Middleware, Usage } from "../chat.ts";
import { type Attempt, type GatewayError, toGatewayError } from "../error.ts";
import { type LimitDecision, type LimitState, limitHeaders, refusal } from "../limits/decision.ts";
import type { Limit } from "../limits/limit.ts";
import { type LimitRule, limitRules } from "../limits/rules.ts";
import { limitDecisions } from "../notes.ts";
import { wholeIn } from "../options.ts";
import { quietly } from "../quietly.ts";
import { watch } from "../reply.ts";
import { memoryStore } from "../stores/memory-store.ts";
import type { Draw, Drawn, LimitStore } from "../stores/store.ts";
import { tell } from "../tell.ts";
import { chunkTokens, estimateTokens, tokensOf } from "../tokens.ts";
import { returnTry } from "../tries.ts";

/** What is limited, and where it is counted. */
export interface RateLimitOptions {
  /** The limits: a call is taken from all of them, or refused and taken from none. */
  readonly limits: readonly Limit[];
  /**
   * Whether limits of a caller's own hold here, each kind in place of those that count by caller; default where one of them
   * does. With `true` there need be no other limits.
   */
  readonly ownLimits?: boolean;
  /** Where they are counted; default the memory of this process. */
  readonly store?: LimitStore;
  /** What the layer is called in decisions and in the store; default `rateLimit`. Layers that share a store need names of their own. */
  readonly name?: string;
  /**
   * `enforce` (default) refuses calls; `dry-run` counts and decides, but lets every call pass and shows callers nothing; `off`
   * does nothing. A function is asked at each call: a switch that needs no restart.
   */
  readonly mode?: RateLimitMode | (() => RateLimitMode);
  /** How many tokens the prompt of a request has; default `estimateTokens`. What it throws or rejects fails the call. */
  readonly countTokens?: (request: ChatRequest) => number | Promise<number>;
  /** How many tokens are reserved for an answer whose request sets no `max_tokens`; default 1,000. */
  readonly assumedOutputTokens?: number;
  /** Told of each decision. */
  readonly onDecision?: (decision: LimitDecision, request: ChatRequest) => void;
}

export type RateLimitMode = "enforce" | "dry-run" | "off";

/**
 * Limits requests and tokens, by windows or token buckets. A limit on tokens reserves the prompt and `max_tokens`, and settles
 * when the answer has ended: with the usage that the provider reported, else with what was seen of the answer. What failed
 * before it began is given back. Refuses with `llm.rate_limit.requests` or `llm.rate_limit.tokens`. Where the caller's key has
 * `limits` of its own, they take the place of those that count by caller. Throws a `TypeError` for a bad option.
 */
export function rateLimit({
  limits,
  ownLimits,
  store = memoryStore(),
  name = "rateLimit",
  mode = "enforce",
  countTokens = estimateTokens,
  assumedOutputTokens = 1000,
  onDecision = () => {},
}: RateLimitOptions): Middleware {
  wholeIn("rateLimit", "assumedOutputTokens", assumedOutputTokens, 0, 1e9);
  if (typeof store?.draw !== "function") throw new TypeError("rateLimit: store must have a method draw.");
  if (typeof name !== "string" || name === "") throw new TypeError("rateLimit: name must be a text.");
  if (typeof countTokens !== "function") throw new TypeError("rateLimit: countTokens must be a function.");
  if (typeof onDecision !== "function") throw new TypeError("rateLimit: onDecision must be a function.");
  const rules = limitRules(limits, ownLimits);
  const modeNow = typeof mode === "function" ? () => checkMode(mode()) : constant(checkMode(mode));

  const layer: Middleware = async (request, next) => {
    const mode = modeNow();
    if (mode === "off") return next(request);
    const { call, model } = request;
    const holding = rules.of(request);
    const byTokens = holding.some(({ counted }) => counted === "tokens");
    const prompt = byTokens ? checkTokens(await countTokens(request)) : 0;
    const reserved = byTokens ? prompt + outputTokens(request, assumedOutputTokens) : 0;
    const counts = countsOf(holding, request, name, reserved);
    if (counts.length === 0) {
      // Those of another target, which was passed over, are not this one's.
      setAnswerHeaders(call, layer, NONE);
      return next(request);
    }

    const group = rules.group(request);
    const drawn = await store.draw(group, counts, false);
    const states = statesOf(counts, drawn);
    const dryRun = mode === "dry-run";
    const decision: LimitDecision = { layer: name, allowed: drawn.taken, dryRun, limits: states };
    call.context.set(limitDecisions, [...call.context.get(limitDecisions), decision]);
    tell(onDecision, decision, request);
    if (!dryRun) setAnswerHeaders(call, layer, limitHeaders(states, model));
    if (!drawn.taken && !dryRun) {
      returnTry(call.context);
      throw refusal(states, model);
    }
    const { signal } = call;
    if (!drawn.taken || !byTokens) {
      signal.throwIfAborted();
      return next(request);
    }
    const before = call.context.get(attempts).length;
    /** What the tries below have used, as far as their providers have said. */
    const paid = (): number | undefined => sumOf(call.context.get(attempts).slice(before));
    let usage: Usage | undefined;
    let seen = 0;
    let settled = false;
    const settle = (tokens: number): void => {
      if (settled) return;
      settled = true;
      signal.removeEventListener("abort", leave);
      const draws = settlement(counts, drawn, tokens);
      // What cannot be settled stays reserved until it comes back by itself.
      if (draws.length > 0) quietly(() => store.draw(group, draws, true));
    };
    // Usage that came before the end is not yet all of it.
    const soFar = (): number => Math.max(paid() ?? 0, tokensOf(usage) ?? 0, prompt + Math.ceil(seen));
    // Settled at once, whether or not what is below listens to the signal. For a caller who left, or was given up on, the
    // provider may have read the prompt.
    const leave = (): void => settle(soFar());

    if (signal.aborted) {
      settle(0);
      throw signal.reason;
    }
    signal.addEventListener("abort", leave, { once: true });
    let reply: ChatReply;
    try {
      reply = await next(request);
    } catch (thrown) {
      settle(paid() ?? usedBy(toGatewayError(thrown, signal), prompt, reserved));
      throw thrown;
    }
    const count = (chunk: ChatChunk): void => {
      usage = chunk.usage ?? usage;
      seen += chunkTokens(chunk);
    };
    return watch(reply, count, ({ outcome }) =>
      settle((outcome === "completed" ? (paid() ?? tokensOf(usage)) : undefined) ?? soFar()),
    );
  };
  return layer;
}

/** What a call has used that failed before its answer began, where no provider has said. */
function usedBy({ code }: GatewayError, prompt: number, reserved: number): number {
  // An answer that is of no use was given all the same; and what was given up on may have been at work.
  if (code.startsWith("llm.output.")) return reserved;
  return code.startsWith("llm.timeout.") ? prompt : 0;
}

function sumOf(made: readonly Attempt[]): number | undefined {
  const known = made.map((attempt) => tokensOf(attempt.usage)).filter((tokens) => tokens !== undefined);
  return known.length > 0 ? known.reduce((sum, tokens) => sum + tokens, 0) : undefined;
}

/** A draw, and the rule that it is for. */
interface Count extends Draw {
  readonly rule: LimitRule;
  readonly weight: number;
}

function countsOf(rules: readonly LimitRule[], request: ChatRequest, layer: string, tokens: number): Count[] {
  return rules.flatMap((rule) => {
    const subject = rule.subject(request);
    if (subject === undefined) return [];
    const weight = rule.weight(request);
    const cost = rule.counted === "requests" ? weight : weight * tokens;
    return [{ rule, weight, key: `${layer}|${rule.id}|${subject}`, rate: rule.rate, cost }];
  });
}

function statesOf(counts: readonly Count[], { states }: Drawn): LimitState[] {
  return states.map((state, at) => {
    // There is a state for each count, or none at all.
    const { rule, cost } = counts[at] as Count;
    const { remaining, resetMs, waitMs } = state;
    const { capacity, periodMs } = rule.rate;
    return { name: rule.name, counts: rule.counted, capacity, periodMs, cost, remaining, resetMs, waitMs };
  });
}

/** What corrects the reservations of a call to the tokens that it used. */
function settlement(counts: readonly Count[], { states }: Drawn, tokens: number): Draw[] {
  return counts.flatMap(({ rule, weight, key, rate, cost }, at) => {
    const more = weight * tokens - cost;
    const state = states[at];
    // What was not counted has nothing to be corrected.
    if (rule.counted === "requests" || more === 0 || !state) return [];
    return [{ key, rate, cost: more, since: state.since }];
  });
}

function outputTokens({ max_completion_tokens, max_tokens, n }: ChatRequest, assumed: number): number {
  // Services differ in which of them they heed.
  const most = Math.max(max_completion_tokens ?? -1, max_tokens ?? -1);
  return (most < 0 ? assumed : most) * (n ?? 1);
}

function checkTokens(tokens: number): number {
  if (typeof tokens === "number" && tokens >= 0 && tokens <= 1e12) return tokens;
  throw new TypeError(`rateLimit: countTokens must answer a number of tokens, not ${String(tokens)}.`);
}

function checkMode(mode: RateLimitMode): RateLimitMode {
  if (mode === "enforce" || mode === "dry-run" || mode === "off") return mode;
  throw new TypeError(`rateLimit: mode must be "enforce", "dry-run" or "off", not ${JSON.stringify(mode)}.`);
}

function constant<T>(value: T): () => T {
  return () => value;
}
