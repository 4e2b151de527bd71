import { GatewayError, type Store } from "@gatewright/core";

/** How calls are decided while Redis cannot be asked. */
export type WhenDown = "local" | "allow" | "refuse";

/** Lets all pass, and counts nothing. */
export const allowAll: Store = {
  draw: async () => ({ taken: true, states: [] }),
  lease: async () => true,
  release: async () => {},
  claim: async (_key, fingerprint) => ({ state: "claimed", fingerprint }),
  settle: async () => {},
};

/** Lets none pass. */
export const refuseAll: Store = {
  draw: async () => refuse(),
  lease: async () => refuse(),
  release: async () => {},
  claim: async () => refuse(),
  settle: async () => {},
};

function refuse(): never {
  const message = "This call's limits cannot be checked right now: try again in a moment.";
  throw new GatewayError("llm.overloaded", message, { retryAfterMs: 1000 });
}
