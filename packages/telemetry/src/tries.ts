import type { Attempt } from "@gatewright/core";

/** The calls of providers that followed on another that had failed. */
export interface Tries {
  /** Of the same target. */
  readonly retries: readonly Attempt[];
  /** Of another. */
  readonly fallbacks: readonly Attempt[];
}

/** What was tried again. What lost a race, or was left by its caller, is neither. */
export function triesAgain(made: readonly Attempt[]): Tries {
  const retries: Attempt[] = [];
  const fallbacks: Attempt[] = [];
  let before: Attempt | undefined;
  for (const attempt of made) {
    if (attempt.code === "llm.canceled") continue;
    if (before) (isSame(attempt, before) ? retries : fallbacks).push(attempt);
    before = attempt;
  }
  return { retries, fallbacks };
}

function isSame(one: Attempt, other: Attempt): boolean {
  return one.provider === other.provider && one.model === other.model;
}
