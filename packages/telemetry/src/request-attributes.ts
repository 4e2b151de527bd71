import { type ChatRequest, schemaOf } from "@gatewright/core";
import type { Attributes } from "@opentelemetry/api";
import { attribute, own } from "./conventions.ts";
import { shown } from "./shown.ts";

/** What a span tells of a request to a provider: its parameters, and nothing of what was said. */
export function requestAttributes(request: ChatRequest): Attributes {
  const { n, stop, stream, response_format } = request;
  const sequences = typeof stop === "string" ? [stop] : stop;
  const output = response_format && OUTPUT_TYPES[response_format.type];
  return {
    ...number(attribute.maxTokens, request.max_completion_tokens ?? request.max_tokens),
    ...number(attribute.temperature, request.temperature),
    ...number(attribute.topP, request.top_p),
    ...number(attribute.topK, request.top_k),
    ...number(attribute.frequencyPenalty, request.frequency_penalty),
    ...number(attribute.presencePenalty, request.presence_penalty),
    ...number(attribute.seed, request.seed),
    // One is what everybody means.
    ...(n !== 1 && number(attribute.choiceCount, n)),
    ...(sequences && { [attribute.stopSequences]: sequences.slice(0, MAX_SEQUENCES).map(shown) }),
    ...(stream === true && { [attribute.stream]: true }),
    ...(output && { [attribute.outputType]: output }),
    ...schemaAttributes(request),
  };
}

/** What a span tells of the schema that an answer is to match. */
export function schemaAttributes(request: ChatRequest): Attributes {
  const schema = schemaOf(request);
  if (!schema) return {};
  return { ...(schema.name && { [own.schemaName]: shown(schema.name) }), [own.schemaVersion]: schema.version };
}

const MAX_SEQUENCES = 16;

const OUTPUT_TYPES: Readonly<Record<string, string>> = { text: "text", json_object: "json", json_schema: "json" };

/** Numbers that a double cannot hold are no numbers here. */
function number(name: string, value: unknown): Attributes {
  return typeof value === "number" ? { [name]: value } : {};
}
