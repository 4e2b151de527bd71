import { type ContextKey, contextKey } from "./context.ts";

/** What kind of work a call is: somebody waits for it, somebody will look for it soon, or nobody waits. */
export type Workload = "interactive" | "deferred" | "batch";

/** The kind of work of a call: `interactive` until a layer of your own sets another. `concurrency` serves it first. */
export const workload: ContextKey<Workload> = contextKey<Workload>("workload", "interactive");
