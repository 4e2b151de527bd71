import { type ChatRequest, caller, type LimitDecision, type Middleware, rateLimit, type Store } from "@gatewright/core";
import type { Config } from "./config.ts";

/** The limits of callers' own keys, and for all other callers those of the environment, for each model apart. */
export function limitLayers(
  { keysFile, limits, limitMode: mode }: Config,
  store: Store | undefined,
  onRefused: (decision: LimitDecision, request: ChatRequest) => void,
): { readonly own: Middleware | undefined; readonly perModel: Middleware | undefined } {
  const shared = {
    mode,
    ...(store && { store }),
    onDecision: (decision: LimitDecision, request: ChatRequest) => {
      if (!decision.allowed) onRefused(decision, request);
    },
  };
  // Limits of its own take the place of the others of their kind.
  const withoutOwn =
    (kind: "requests" | "tokens") =>
    ({ call }: ChatRequest): string | undefined =>
      call.context.get(caller)?.limits?.some((limit) => limit[kind] !== undefined) ? undefined : "";
  const perModel = limits.map((limit) => {
    const kind = limit.requests === undefined ? "tokens" : "requests";
    return { ...limit, per: ["caller", "model", withoutOwn(kind)] as const, name: `${kind} per caller and model` };
  });
  return {
    own: keysFile === undefined ? undefined : rateLimit({ name: "own", limits: [], ownLimits: true, ...shared }),
    perModel: limits.length === 0 ? undefined : rateLimit({ limits: perModel, ownLimits: false, ...shared }),
  };
}
