import type { ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { requestWith } from "../context.ts";
import { deadline } from "../deadline.ts";
import { GatewayError, toGatewayError } from "../error.ts";
import { readFallbackConfig, readFallbacks, wantsRetry, without } from "../fallback-fields.ts";
import { wholeIn } from "../options.ts";
import { RetryBudget } from "../retry-budget.ts";
import { takeTry, triedInVain, triesOf, withSpares } from "../tries.ts";

/** Which targets stand by. */
export interface FallbackOptions {
  /**
   * What to try where a model fails, in order; `*` is for every model without a chain of its own. Default none. The
   * request's own `fallbacks` take the place of a chain.
   */
  readonly models?: Readonly<Record<string, readonly FallbackTarget[]>>;
  /** The most tries of one call, with those of retries and hedges and the first; default 3. The outermost layer decides. */
  readonly maxAttempts?: number;
  readonly clock?: Clock;
}

/** A model, and what of the request is changed for it. */
export type FallbackTarget =
  | string
  | {
      readonly model: string;
      /** Fields that get another value. */
      readonly set?: Readonly<Record<string, unknown>>;
      /** Names of fields that are left out, such as one that the model does not know. */
      readonly remove?: readonly string[];
    };

/**
 * Tries another target after a failure that one can cure: the error says so (`remedy`). Targets are the request's own
 * `fallbacks`, of which `fallback_config.depth` are walked, else the chain configured for its model. Owns both fields.
 * When all fail, the first provider's error is thrown, and its message says what else was tried. A target whose circuit
 * is open is passed over, and tried last. Throws a `TypeError` for a bad option.
 */
export function fallback({ models = {}, maxAttempts = 3, clock = systemClock }: FallbackOptions = {}): Middleware {
  wholeIn("fallback", "maxAttempts", maxAttempts, 1, 100);
  const budget = new RetryBudget("fallback", {}, clock);
  const chains = new Map(Object.entries(models));
  for (const [model, chain] of chains) {
    for (const [index, target] of chain.entries()) check(target, `models["${model}"][${index}]`);
  }

  return async (original, next) => {
    const { fallbacks, fallback_config, ...request } = original;
    const { retry, depth } = readFallbackConfig(fallback_config);
    const own = readFallbacks(fallbacks, request, depth);
    const chain = chains.get(request.model) ?? chains.get("*") ?? [];
    const others =
      Array.isArray(fallbacks) && fallbacks.length > 0 ? own : chain.map((target) => changed(request, target));
    const walk = [request, ...others];
    const targets = walk.length;
    const { signal, context } = request.call;
    const most = triesOf(context, maxAttempts);
    const failures: Failure[] = [];
    const asked = new Set<string>();
    const reached = new Set<ChatRequest>();
    budget.called(request.model);
    for (let at = 0; at < walk.length; at++) {
      // The walk has one here: `at` is below its length.
      const target = walk[at] as ChatRequest;
      const late = clock.now() >= context.get(deadline);
      // The same model with other fields is a retry, and what a retry may cost.
      if (asked.has(target.model) && !budget.take(target.model)) continue;
      if (at > 0 && (late || !takeTry(context, most))) break;
      reached.add(target);
      // A target that is asked a second time is asked as the last one there is.
      const spare = at < targets ? walk.length - 1 - at : 0;
      try {
        return await next(below(target, spare, retry));
      } catch (thrown) {
        const error = toGatewayError(thrown, signal);
        if (signal.aborted) throw error;
        failures.push({ model: target.model, error });
        if (error.remedy === "none") break;
        // With nothing else left, a circuit that is not quite dead lets a call through.
        if (error.code !== "llm.provider.circuit_open") asked.add(target.model);
        else if (spare > 0) walk.push(target);
      }
    }
    throw summary(
      failures,
      walk.filter((target) => !reached.has(target)),
    );
  };
}

interface Failure {
  readonly model: string;
  readonly error: GatewayError;
}

/** The target's request, as the layers below see it. */
function below(target: ChatRequest, spare: number, retry: boolean | undefined): ChatRequest {
  const request = withSpares(target, spare);
  return retry === undefined ? request : requestWith(request, wantsRetry, retry);
}

function changed(request: ChatRequest, target: FallbackTarget): ChatRequest {
  if (typeof target === "string") return { ...request, model: target };
  const { call, ...body } = request;
  // What is set or removed is the operator's own choice; the call stays what it is.
  return { ...without({ ...body, ...target.set }, target.remove ?? []), model: target.model, call } as ChatRequest;
}

/** The first provider's error, or where no provider was asked the first; with what else was tried. */
function summary(failures: readonly Failure[], unasked: readonly ChatRequest[]): GatewayError {
  const first = failures.find(({ error }) => error.origin === "upstream") ?? failures[0];
  if (!first) return new GatewayError("llm.internal", "No target was tried.");
  const others = failures.filter((failure) => failure !== first);
  const last = failures.at(-1);
  const names = last?.error.remedy === "none" ? "" : unasked.map(({ model }) => model).join(", ");
  const left = names && ` Not tried, as there was no try or time left: ${names}.`;
  if (others.length === 0 && left === "") return first.error;
  const { error } = first;
  const models = others.map(({ model, error }) => `${model} (${error.code})`).join(", ");
  const tried = models && ` Tried as well: ${models}.`;
  const told = new GatewayError(error.code, `${error.message}${tried}${left}`, { ...error, cause: error.cause });
  return others.length > 0 ? triedInVain(told) : told;
}

function check(target: FallbackTarget, path: string): void {
  const model = typeof target === "string" ? target : target.model;
  if (typeof model !== "string" || model === "") throw new TypeError(`fallback: ${path} must name a model.`);
  if (typeof target === "string") return;
  for (const field of ["model", "call", "fallbacks", "fallback_config"]) {
    if (Object.hasOwn(target.set ?? {}, field)) throw new TypeError(`fallback: ${path}.set cannot hold ${field}.`);
  }
  for (const field of ["model", "messages", "call"]) {
    if (target.remove?.includes(field)) throw new TypeError(`fallback: ${path}.remove cannot hold ${field}.`);
  }
}
