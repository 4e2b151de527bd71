import { type ContextKey, contextKey } from "./context.ts";
import type { Attempt } from "./error.ts";

/** Every call of a provider that was made for this call so far, in order. Providers add theirs. */
export const attempts: ContextKey<readonly Attempt[]> = contextKey<readonly Attempt[]>("attempts", []);
