import type { Usage } from "../chat.ts";
import type { Attempt } from "../error.ts";
import type { CostOf } from "./prices.ts";
import type { TokenRecord } from "./record.ts";
import { tokenRecord } from "./token-record.ts";

/** Tokens that were paid for, and the models by one of which they are priced. */
export interface PaidTry {
  readonly tokens: TokenRecord;
  readonly models: readonly (string | undefined)[];
}

/**
 * What each try of a call has used. Where no provider has noted that of its own, it is what the answer says: `usage`, of one of
 * `models`.
 */
export function paidTries(
  attempts: readonly Attempt[],
  models: readonly (string | undefined)[],
  usage: Usage | undefined,
): readonly PaidTry[] {
  const noted: PaidTry[] = [];
  for (const [at, attempt] of attempts.entries()) {
    const tokens = tokenRecord(attempt.usage);
    // The last is the one that answered, and may have told which model it was.
    if (tokens) noted.push({ tokens, models: at === attempts.length - 1 ? models : [attempt.model] });
  }
  if (noted.length > 0) return noted;
  const tokens = tokenRecord(usage);
  return tokens ? [{ tokens, models }] : [];
}

/** What they cost together; `undefined` where one of them has no price. */
export function costOfAll(paid: readonly PaidTry[], costOf: CostOf): number | undefined {
  let sum = 0;
  for (const { tokens, models } of paid) {
    const cost = costOf(tokens, models);
    if (cost === undefined) return undefined;
    sum += cost;
  }
  // Digits beyond these are those of binary fractions.
  return paid.length > 0 ? Math.round(sum * 1e9) / 1e9 : undefined;
}
