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
