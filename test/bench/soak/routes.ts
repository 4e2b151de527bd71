/**
 * The models of the gateway under load. `held` waits for whole answers, `drained` reads on when its caller leaves, `hedged`
 * tries twice where the first try is slow, `balanced` has two keys, and `shaky` fails so often that its circuit opens.
 */
export const routes = ["plain", "held", "drained", "hedged", "balanced", "shaky"] as const;

export type Route = (typeof routes)[number];

/** What is added to a route's name for the model that it falls back to. */
export const BACKUP = "-backup";

/** Who may call the gateway, and how many of the calls are whose. */
export const callers: readonly { readonly name: string; readonly key: string; readonly share: number }[] = [
  { name: "large", key: "sk-soak-large-2f7c9d41aa", share: 6 },
  { name: "middle", key: "sk-soak-middle-8be03c5576", share: 3 },
  { name: "small", key: "sk-soak-small-91d4e6f20b", share: 1 },
];

/** Headers of a call that say what the provider is to do with it. Only the gateway under load reads them. */
export const MARKER_HEADER = "x-soak-marker";
export const MANNER_HEADER = "x-soak-manner";
export const FAULT_HEADER = "x-soak-fault";
export const REACH_HEADER = "x-soak-reach";

/** How long the gateway has an answer again for a second call with its `Idempotency-Key`, in milliseconds. */
export const REPLAY_MS = 3000;
