import type { Rate } from "../limits/rate.ts";

/** What one limit counts for one call. */
export interface Draw {
  /** Names the count, and belongs to one group. Of any length; a store that keeps keys elsewhere hashes it. */
  readonly key: string;
  readonly rate: Rate;
  /** What is taken. In a settlement what is taken in addition; negative: given back. */
  readonly cost: number;
  /**
   * In a settlement, the `since` of the taking that it settles: what was taken from a window that is over is not given
   * back to the next one.
   */
  readonly since?: string | undefined;
}

/** What one count looks like after a step. */
export interface DrawState {
  /** What is left, a whole number; below 0 it is a debt. */
  readonly remaining: number;
  /** Milliseconds until all of it is there again; 0 where it is. */
  readonly resetMs: number;
  /** Milliseconds until the draw could be taken: 0 where it could be at once, Infinity where it never could. */
  readonly waitMs: number;
  /** Names the stretch that was counted in; for a settlement. */
  readonly since: string;
}

/** What came of a step. */
export interface Drawn {
  /** Whether all was taken. If not, nothing was. */
  readonly taken: boolean;
  /** One for each draw, in their order; none where a store lets calls pass without counting them. */
  readonly states: readonly DrawState[];
}

/** Where `rateLimit` counts. */
export interface LimitStore {
  /**
   * Takes from all counts or from none, in one atomic step. A `settle` is always taken, whatever is left: it corrects what was
   * reserved to what was used. A key stands in a step once. All counts of a group are kept together: on a cluster, on one node.
   */
  draw(group: string, draws: readonly Draw[], settle: boolean): Promise<Drawn>;
}

/** Where `concurrency` keeps its slots, if they are shared between gateways. */
export interface LeaseStore {
  /**
   * Takes a slot of a key for an owner, or renews it, in one atomic step: at most `max` owners have one at once. A slot that
   * is not renewed is free again after `leaseMs` milliseconds, so that a gateway that died holds none. Answers whether the
   * owner has one.
   */
  lease(key: string, owner: string, max: number, leaseMs: number): Promise<boolean>;
  /** Frees the owner's slot, if it has one. */
  release(key: string, owner: string): Promise<void>;
}

/** What is known of a key when it is claimed. */
export type Claim =
  /** It is the owner's who asked: to execute the call, and to settle it. */
  | { readonly state: "claimed"; readonly fingerprint: string }
  /** Another owner executes it. */
  | { readonly state: "running"; readonly fingerprint: string }
  /** It was executed, and this is what came of it. */
  | { readonly state: "done"; readonly fingerprint: string; readonly record: string };

/** Where `idempotency` remembers calls. Each method is one atomic step. */
export interface IdempotencyStore {
  /**
   * Claims a key for an owner, unless another has it or it is done. A claim ends by itself after `leaseMs` milliseconds,
   * so that one whose owner died is free again; claimed again by its owner, it lasts that much longer.
   */
  claim(key: string, fingerprint: string, owner: string, leaseMs: number): Promise<Claim>;
  /** Ends the owner's claim: keeps the record for `ttlMs` milliseconds, or frees the key where there is none. */
  settle(key: string, owner: string, record: string | undefined, ttlMs: number): Promise<void>;
}

/**
 * All that parts of a gateway keep. A store answers in its own good time or rejects: nobody gives up waiting for it.
 * `memoryStore()` within a process, `redisStore()` of `@gatewright/redis` for many.
 */
export interface Store extends LimitStore, LeaseStore, IdempotencyStore {}
