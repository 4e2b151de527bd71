import { pause } from "../abort.ts";
import type { ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { requestWith } from "../context.ts";
import { deadline } from "../deadline.ts";
import { type GatewayError, toGatewayError } from "../error.ts";
import { readFallbackConfig, wantsRetry } from "../fallback-fields.ts";
import { numberIn, wholeIn } from "../options.ts";
import { RetryBudget, type RetryBudgetOptions } from "../retry-budget.ts";
import { spareTargets, takeTry, targetBudget, triedInVain, triesOf } from "../tries.ts";

/** How often, and after which waits. */
export interface RetryOptions {
  /** How often at most the same target is asked again; default 2. 0: only where the caller asks for it. */
  readonly retries?: number;
  /**
   * The most tries one call may have altogether, with those of fallbacks and hedges and the first; default 3, and at
   * least one more than `retries`. Of several layers the outermost decides. One try is left for another target where
   * there is one.
   */
  readonly maxAttempts?: number;
  /** What the wait after a transient failure grows from, in milliseconds; default 250. It doubles each time. */
  readonly baseDelayMs?: number;
  /** The same after a provider's "too many calls" without a time of its own; default 1,000. */
  readonly throttleDelayMs?: number;
  /** The longest wait, in milliseconds; default 8,000. A provider that asks for a longer one is not asked again. */
  readonly maxDelayMs?: number;
  /** How much of a target's load retries may be; default 20 % of its recent calls, and two a second. */
  readonly budget?: RetryBudgetOptions;
  /** What a budget is kept for; default the model. */
  readonly target?: (request: ChatRequest) => string;
  /** Gives a number from 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  readonly clock?: Clock;
}

/** What a caller gets who asks for a retry with `fallback_config.retry`: one, after this wait. */
const ASKED_DELAY_MS = 500;

/**
 * Asks the same target again after a failure that this may cure: the error says so (`remedy`), with `maxRetries` and
 * `retryAfterMs`. Waits grow exponentially with full jitter; none goes past the deadline or outlasts the caller. Honours
 * `fallback_config.retry` of the request. An error that this layer gives up on is not `retryable` any more unless it
 * says when to come back, so that clients do not multiply the gateway's tries. Throws a `TypeError` for a bad option.
 */
export function retry({
  retries = 2,
  maxAttempts = Math.max(3, retries + 1),
  baseDelayMs = 250,
  throttleDelayMs = 1000,
  maxDelayMs = 8000,
  budget: budgetOptions = {},
  target = ({ model }) => model,
  random = Math.random,
  clock = systemClock,
}: RetryOptions = {}): Middleware {
  wholeIn("retry", "retries", retries, 0, 100);
  wholeIn("retry", "maxAttempts", maxAttempts, 1, 100);
  numberIn("retry", "maxDelayMs", maxDelayMs, 0, 3_600_000);
  numberIn("retry", "baseDelayMs", baseDelayMs, 0, 3_600_000);
  numberIn("retry", "throttleDelayMs", throttleDelayMs, 0, 3_600_000);
  const budget = new RetryBudget("retry", budgetOptions, clock);

  /** How long to wait before the next try, or `undefined` where there is to be none. */
  const waitAfter = (error: GatewayError, tried: number, asked: boolean): number | undefined => {
    if (error.retryAfterMs !== undefined) {
      // All who were told the same moment do not come back in the same one.
      return error.retryAfterMs > maxDelayMs ? undefined : error.retryAfterMs + random() * baseDelayMs;
    }
    if (asked) return ASKED_DELAY_MS;
    const base = error.status === 429 || error.status === 503 ? throttleDelayMs : baseDelayMs;
    return random() * Math.min(maxDelayMs, base * 2 ** tried);
  };

  return async (original, next) => {
    const { request, asked = original.call.context.get(wantsRetry) } = withoutConfig(original);
    const { signal, context } = request.call;
    const name = target(request);
    const allowed = asked === undefined ? retries : asked ? 1 : 0;
    const most = triesOf(context, maxAttempts);
    const spend = (): boolean => budget.take(name);
    const below = requestWith(request, targetBudget, spend);
    budget.called(name);
    for (let tried = 0; ; tried++) {
      try {
        return await next(below);
      } catch (thrown) {
        const error = toGatewayError(thrown, signal);
        if (signal.aborted || !curable(error, context.get(spareTargets))) throw error;
        const wait = waitAfter(error, tried, asked === true);
        // One try is left for another target, where there is one.
        const mine = context.get(spareTargets) > 0 ? most - 1 : most;
        const may =
          tried < Math.min(allowed, error.maxRetries ?? allowed) &&
          wait !== undefined &&
          clock.now() + wait < context.get(deadline) &&
          takeTry(context, mine, spend);
        if (!may) throw allowed > 0 ? triedInVain(error) : error;
        await pause(wait, clock, signal);
      }
    }
  };
}

function curable({ remedy }: GatewayError, spare: number): boolean {
  return remedy === "retry" || (remedy === "fallback-first" && spare === 0);
}

/** A caller may ask for a retry where no `fallback` is mounted that would have taken the field off. */
function withoutConfig(original: ChatRequest): { readonly request: ChatRequest; readonly asked?: boolean | undefined } {
  if (original.fallback_config === undefined || original.fallbacks !== undefined) return { request: original };
  const { fallback_config, ...request } = original;
  return { request, asked: readFallbackConfig(fallback_config).retry };
}
