import { type ContextKey, contextKey } from "./context.ts";
import type { Attempt } from "./error.ts";

/** Every call of a provider that was made for this call so far, in order. Providers add theirs. */
export const attempts: ContextKey<readonly Attempt[]> = contextKey<readonly Attempt[]>("attempts", []);

/** The calls of providers that followed on another that had failed. */
export interface TriesAgain {
  /** Of the same target. */
  readonly retries: readonly Attempt[];
  /** Of another. */
  readonly fallbacks: readonly Attempt[];
}

/** What was tried again. What lost a race, or was left by its caller, is neither. */
export function triesAgain(made: readonly Attempt[]): TriesAgain {
  if (made.length < 2) return NO_OTHERS;
  const retries: Attempt[] = [];
  const fallbacks: Attempt[] = [];
  let before: Attempt | undefined;
  for (const attempt of made) {
    if (attempt.code === "llm.canceled") continue;
    const isSame = before?.provider === attempt.provider && before.model === attempt.model;
    if (before) (isSame ? retries : fallbacks).push(attempt);
    before = attempt;
  }
  return { retries, fallbacks };
}

/** Most calls need one try. */
const NO_OTHERS: TriesAgain = { retries: [], fallbacks: [] };
