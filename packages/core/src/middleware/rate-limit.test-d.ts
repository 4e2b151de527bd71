import {
  type Caller,
  type ChatRequest,
  type Limit,
  type LimitStore,
  type Middleware,
  memoryStore,
  type OwnLimit,
  rateLimit,
} from "../index.ts";

/** How limits are written, and what the types must not let pass. */
export function mustCompile(store: LimitStore, countTokens: (request: ChatRequest) => number): void {
  const limits: readonly Limit[] = [
    { requests: 60, windowMs: 60_000 },
    { tokens: 100_000, refillPerSecond: 1000, per: "model", weight: 2, name: "tokens of a model" },
    { requests: 5, windowMs: 1000, per: ["caller", "model", ({ user }) => user ?? undefined] },
    { requests: 5, windowMs: 1000, per: [], weight: ({ n }) => n ?? 1 },
    { requests: 5, windowMs: 1000, per: ({ model }) => (model === "slow" ? "slow" : undefined) },
  ];
  const _layer: Middleware = rateLimit({ limits });
  rateLimit({ limits, store, name: "callers", mode: "dry-run", countTokens, assumedOutputTokens: 500 });
  rateLimit({ limits, store: memoryStore(), mode: () => (Math.random() < 0.5 ? "off" : "enforce") });
  rateLimit({
    limits,
    onDecision: ({ allowed, limits }, { call }) => console.log(call.id, allowed, limits[0]?.remaining),
  });
  const own: readonly OwnLimit[] = [{ requests: 5, windowMs: 1000, per: ["caller", "model"] }];
  const _caller: Caller = { name: "a", limits: own, concurrency: 3 };
  const _limits: readonly Limit[] = own;
}

export function mustNotCompile(limits: readonly Limit[]): void {
  // @ts-expect-error A layer has limits.
  rateLimit({});
  // @ts-expect-error Limits are a list.
  rateLimit({ limits: { requests: 5, windowMs: 1000 } });
  // @ts-expect-error An option that does not exist does nothing.
  rateLimit({ limits, dryRun: true });
  // @ts-expect-error There are three modes.
  rateLimit({ limits, mode: "dryrun" });
  // @ts-expect-error A function answers one of them too.
  rateLimit({ limits, mode: () => true });
  rateLimit({ limits, countTokens: async () => 5 });
  // @ts-expect-error Tokens are a number.
  rateLimit({ limits, countTokens: async () => "5" });
  // @ts-expect-error What was decided is only told.
  rateLimit({ limits, onDecision: (decision) => (decision.allowed = true) });
  // @ts-expect-error A store draws.
  rateLimit({ limits, store: new Map() });

  // @ts-expect-error A limit counts something.
  const _nothing: Limit = { windowMs: 1000 };
  // @ts-expect-error It does not count both.
  const _both: Limit = { requests: 5, tokens: 5, windowMs: 1000 };
  // @ts-expect-error It comes back somehow.
  const _never: Limit = { requests: 5 };
  // @ts-expect-error It comes back in one way.
  const _twice: Limit = { requests: 5, windowMs: 1000, refillPerSecond: 5 };
  // @ts-expect-error A number is no text.
  const _text: Limit = { requests: "5", windowMs: 1000 };
  // @ts-expect-error A key is a caller's.
  const _key: Limit = { requests: 5, windowMs: 1000, per: "key" };
  // @ts-expect-error What is counted apart has a name.
  const _number: Limit = { requests: 5, windowMs: 1000, per: () => 5 };
  // @ts-expect-error A name is found at once.
  const _late: Limit = { requests: 5, windowMs: 1000, per: async () => "a" };
  // @ts-expect-error A weight is a number.
  const _heavy: Limit = { requests: 5, windowMs: 1000, weight: "2" };

  // @ts-expect-error A caller's own limit counts that caller, and no address.
  const _address: OwnLimit = { requests: 5, windowMs: 1000, per: "address" };
  // @ts-expect-error A record holds no function.
  const _function: OwnLimit = { requests: 5, windowMs: 1000, per: () => "a" };
  // @ts-expect-error Nor does it weigh.
  const _weight: OwnLimit = { requests: 5, windowMs: 1000, weight: 2 };
}
