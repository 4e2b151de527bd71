import { type ChatRequest, GatewayError } from "@gatewright/core";

/**
 * Throws `llm.request.unsupported_parameter` where a request asks a service for JSON that cannot be held to it. Another target
 * may be able to.
 */
export function refuseStructuredOutput({ response_format: format }: ChatRequest, provider: string): void {
  if (!format || format.type === "text") return;
  const path = "response_format";
  const message = `${provider} cannot hold its answers to ${format.type}: remove it, or ask another model`;
  throw new GatewayError("llm.request.unsupported_parameter", `${path}: ${message}`, {
    issues: [{ path, message }],
    remedy: "fallback",
  });
}
