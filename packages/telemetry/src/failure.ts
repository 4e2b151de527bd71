import { type GatewayError, isOutage, redact } from "@gatewright/core";
import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";
import { attribute, own } from "./conventions.ts";

/** How what was watched ended. */
export interface Ended {
  /** `failed`: an error in place of an answer. `interrupted`: one after a part of it. `canceled`: nobody wants it any more. */
  readonly outcome: "completed" | "failed" | "interrupted" | "canceled";
  readonly error: GatewayError | undefined;
}

/** What says how it ended, in spans and metrics alike; `error.type` is the code. */
export function endAttributes({ outcome, error }: Ended): Attributes {
  return { [own.outcome]: outcome, ...errorAttributes({ outcome, error }) };
}

/** The same without the outcome, which the conventions do not know. */
export function errorAttributes({ outcome, error }: Ended): Attributes {
  if (outcome === "completed") return {};
  return { [attribute.errorType]: error?.code ?? "llm.canceled" };
}

/** Ends a span. That nobody wants an answer any more is nobody's failure. */
export function endSpan(span: Span, end: Ended, attributes: Attributes): void {
  const { outcome, error } = end;
  span.setAttributes({ ...attributes, ...endAttributes(end) });
  if (error && outcome !== "canceled") {
    const message = OWN_WORDS.test(error.code) ? redact(error.message, [], MAX_CHARS) : undefined;
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  }
  span.end();
}

/**
 * The codes whose messages are the gateway's own words. Those of all others may repeat what a provider said, and with it
 * a part of the prompt.
 */
const OWN_WORDS =
  /^llm\.(auth|billing|rate_limit|timeout|stream)\.|^llm\.(overloaded|shutting_down|internal|provider\.(circuit_open|unreachable))$/;

/** How long a description may be. */
const MAX_CHARS = 256;

/** Whether a failure still shows that its model exists: the service behind it is in trouble, or has too much to do. */
export function provesModel(error: GatewayError): boolean {
  return isOutage(error) || error.code === "llm.provider.rate_limited";
}
