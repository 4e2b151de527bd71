import type { GatewayError } from "../error.ts";
import type { CallRecord } from "./record.ts";

/** What decides how a call ended for its caller. */
export interface Passed {
  readonly stream: boolean;
  /** How many chunks of the answer were read: of a stream they were sent, of a completion nothing is before all are there. */
  readonly chunks: number;
  /** Whether a stream had to begin before there was anything to say. */
  readonly begun: boolean;
}

/** How a call ended for its caller; `error` is why it did not complete. */
export function endingOf(
  error: GatewayError | undefined,
  { stream, chunks, begun }: Passed,
): Pick<CallRecord, "status" | "outcome" | "partial"> {
  if (!error) return { status: 200, outcome: "completed", partial: false };
  const partial = stream && chunks > 0;
  const status = partial || begun ? 200 : error.status;
  if (error.code === "llm.canceled") return { status, outcome: "canceled", partial };
  return { status, outcome: partial ? "interrupted" : "failed", partial };
}
