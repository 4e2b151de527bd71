import { replyUnlessAborted } from "../abort.ts";
import type { Handler } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Code } from "../codes.ts";
import { deadline } from "../deadline.ts";
import { GatewayError, isOutage, toGatewayError } from "../error.ts";
import { numberIn, wholeIn } from "../options.ts";
import { Recent } from "../recent.ts";
import { onEnd, type ReplyEnd } from "../reply.ts";
import { RetryBudget } from "../retry-budget.ts";
import { takeTry, targetBudget, triedInVain, triesOf, withSpares } from "../tries.ts";

/** How calls are spread, and how long a target is left alone. */
export interface BalanceOptions {
  /**
   * Which of the targets is asked first. `least-loaded` (default): the one with the fewest calls in flight for its weight.
   * `weighted`: by chance, as often as its weight says.
   */
  readonly choose?: "least-loaded" | "weighted";
  /** How long a target is left alone that did not accept our key, in milliseconds; default 60,000. */
  readonly keyCoolDownMs?: number;
  /** The same for one that has no quota left; default 600,000. */
  readonly quotaCoolDownMs?: number;
  /** The same for one that just failed or limits our calls, and does not say how long; default 5,000. */
  readonly coolDownMs?: number;
  /** The most tries of one call after failures that are not of a key; default 3. The outermost layer decides. */
  readonly maxAttempts?: number;
  /** Gives a number from 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  readonly clock?: Clock;
}

/** One of several handlers that answer alike: several keys of a provider, or regions, or copies of a model. */
export type BalanceTarget = Handler | { readonly handler: Handler /** Default 1. */; readonly weight?: number };

/**
 * A handler that spreads calls over targets that are as good as each other, and leaves one alone for a while that has
 * failed. A key that is not accepted, has no quota or is limited is passed over for the next without waiting, until none
 * is left; outages move on as far as `maxAttempts` and the budget of a retry above allow (else 20 % of recent calls). Where every target is left alone, those that only
 * failed are asked all the same; for keys the error says that none is left, and when one will be where that is known.
 * Throws a `TypeError` for a bad option.
 * @example balance([openai({ apiKey: a, name: "openai-a" }), openai({ apiKey: b, name: "openai-b" })])
 */
export function balance(
  targets: readonly BalanceTarget[],
  {
    choose = "least-loaded",
    keyCoolDownMs = 60_000,
    quotaCoolDownMs = 600_000,
    coolDownMs = 5000,
    maxAttempts = 3,
    random = Math.random,
    clock = systemClock,
  }: BalanceOptions = {},
): Handler {
  if (targets.length === 0) throw new TypeError("balance: targets must hold at least one handler.");
  if (choose !== "least-loaded" && choose !== "weighted") {
    throw new TypeError('balance: choose must be "least-loaded" or "weighted".');
  }
  for (const [name, ms] of Object.entries({ keyCoolDownMs, quotaCoolDownMs, coolDownMs })) {
    numberIn("balance", name, ms, 0, 86_400_000);
  }
  wholeIn("balance", "maxAttempts", maxAttempts, 1, 100);
  const members = targets.map((target, index): Member => {
    const { handler, weight = 1 } = typeof target === "function" ? { handler: target } : target;
    if (typeof handler !== "function") throw new TypeError(`balance: targets[${index}] is no handler.`);
    numberIn("balance", `targets[${index}].weight`, weight, 0.001, 1_000_000);
    return { handler, weight, inFlight: 0, rests: new Recent<Rest>(() => ({ until: 0, failure: undefined })) };
  });

  const budget = new RetryBudget("balance", {}, clock);

  const pick = (among: readonly Member[]): Member | undefined => {
    if (choose === "least-loaded") {
      const least = Math.min(...among.map(load));
      const equals = among.filter((member) => load(member) === least);
      return equals[Math.floor(random() * equals.length)];
    }
    let at = random() * among.reduce((sum, { weight }) => sum + weight, 0);
    for (const member of among) {
      at -= member.weight;
      if (at < 0) return member;
    }
    return among.at(-1);
  };

  /** Which may be asked now: those that are not left alone; if none, those that have only failed. */
  const askable = (among: readonly Member[], model: string): readonly Member[] => {
    const now = clock.now();
    const fresh = among.filter(({ rests }) => rests.get(model).until <= now);
    return fresh.length > 0 ? fresh : among.filter(({ rests }) => rests.get(model).failure?.outage);
  };

  const cool = (rest: Rest, error: GatewayError): void => {
    const ms = coolDownAfter(error);
    if (ms === undefined) return;
    const until = clock.now() + ms;
    if (until <= rest.until) return;
    rest.until = until;
    // What a provider said to one caller is none of another's business: only the kind of failure is kept.
    rest.failure = { code: error.code, outage: isOutage(error) };
  };
  const coolDownAfter = (error: GatewayError): number | undefined => {
    if (error.code === "llm.provider.auth") return keyCoolDownMs;
    if (error.code === "llm.provider.quota_exhausted") return quotaCoolDownMs;
    if (error.code !== "llm.provider.rate_limited" && !isOutage(error)) return undefined;
    return Math.min(error.retryAfterMs ?? coolDownMs, MAX_COOL_DOWN_MS);
  };

  return async (request) => {
    const { signal, context } = request.call;
    const most = triesOf(context, maxAttempts);
    const own = (): boolean => budget.take(request.model);
    const spend = context.get(targetBudget) ?? own;
    budget.called(request.model);
    let left: readonly Member[] = members;
    let first: GatewayError | undefined;
    for (;;) {
      const candidates = askable(left, request.model);
      const member = pick(candidates);
      if (!member) break;
      left = left.filter((other) => other !== member);
      const rest = member.rests.get(request.model);
      member.inFlight++;
      try {
        const replying = member.handler(withSpares(request, askable(left, request.model).length));
        const reply = await replyUnlessAborted(replying, signal);
        // An answer shows that a target is back; a key may be limited all the same, after this call was let in.
        if (rest.failure?.outage) rest.until = 0;
        const end = ({ error }: ReplyEnd): void => {
          member.inFlight--;
          if (error) cool(rest, error);
        };
        return onEnd(reply, end, signal);
      } catch (thrown) {
        member.inFlight--;
        const error = toGatewayError(thrown, signal);
        if (signal.aborted) throw error;
        cool(rest, error);
        const moved = first !== undefined;
        first ??= error;
        if (isOfKey(error)) continue;
        const may = moves(error) && askable(left, request.model).length > 0 && clock.now() < context.get(deadline);
        if (!may || !takeTry(context, most, isOutage(error) ? spend : undefined)) {
          throw moved ? triedInVain(first) : first;
        }
      }
    }
    const rests = members.map(({ rests }) => rests.get(request.model));
    throw noneLeft(rests, first, clock.now());
  };
}

interface Member {
  readonly handler: Handler;
  readonly weight: number;
  inFlight: number;
  /**
   * For each model, whether it is left alone: one that a key may not use, or of which it has had enough, says nothing of
   * the others.
   */
  readonly rests: Recent<Rest>;
}

/** Until when a target is left alone, and why. */
interface Rest {
  until: number;
  failure: { readonly code: Code; readonly outage: boolean } | undefined;
}

function load({ inFlight, weight }: Member): number {
  return inFlight / weight;
}

/** Whether the failure is of the key a target was asked with, so that the next key costs the provider nothing. */
function isOfKey({ code }: GatewayError): boolean {
  return ["llm.provider.auth", "llm.provider.quota_exhausted", "llm.provider.rate_limited"].includes(code);
}

/** Whether one of its equals may do better: not where the request itself is what it cannot answer. */
function moves(error: GatewayError): boolean {
  const { code, layer, remedy } = error;
  const refused =
    (layer === "gateway" || layer === "rate_limit") && remedy === "fallback" && code !== "llm.timeout.total";
  return isOutage(error) || refused || code === "llm.model.not_found";
}

/** The longest that a target is left alone because it said so: it may have come back before. */
const MAX_COOL_DOWN_MS = 600_000;

const WHY: Partial<Readonly<Record<Code, string>>> = {
  "llm.provider.auth": "the gateway's keys are not accepted",
  "llm.provider.quota_exhausted": "the gateway has no quota left",
  "llm.provider.rate_limited": "the gateway's calls are limited",
};

/** The error where nothing may be asked: why the one that comes back first is left alone. */
function noneLeft(rests: readonly Rest[], first: GatewayError | undefined, now: number): GatewayError {
  if (first && rests.length === 1) return first;
  const [soonest] = rests.filter(({ until }) => until > now).sort((a, b) => a.until - b.until);
  const code = soonest?.failure?.code ?? first?.code ?? "llm.internal";
  const message = `None of the provider's ${rests.length} targets may be asked now: ${WHY[code] ?? "they have failed"}.`;
  const comesBack = code === "llm.provider.rate_limited" && soonest;
  const retryAfterMs = comesBack ? comesBack.until - now : first?.retryAfterMs;
  const error = new GatewayError(code, message, { retryAfterMs });
  return first ? triedInVain(error) : error;
}
