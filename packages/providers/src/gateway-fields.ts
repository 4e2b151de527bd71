import { type ChatRequest, GatewayError } from "@gatewright/core";

/** Fields that mean something to a gateway only. The middleware that owns one takes it off before it calls `next`. */
const GATEWAY_FIELDS = [
  "fallbacks",
  "fallback_config",
  "transcript_id",
  "post_processing_steps",
  "model_region",
] as const;

/** Throws `llm.request.unsupported_parameter` where a field is left that no mounted middleware has taken off. */
export function refuseGatewayFields(request: ChatRequest): void {
  const left = GATEWAY_FIELDS.filter((field) => request[field] !== undefined);
  if (left.length === 0) return;
  const issues = left.map((path) => ({ path, message: "not supported by this gateway: remove it" }));
  const message = issues.map((issue) => `${issue.path}: ${issue.message}`).join("; ");
  throw new GatewayError("llm.request.unsupported_parameter", message, { issues });
}
