import { type ChatMessage, type ChatRequest, type Middleware, namePattern } from "@gatewright/core";
import { knownOptions } from "./known-options.ts";
import { isObject } from "./schema/json.ts";

/** Which models are told in words. */
export interface SchemaAsInstructionOptions {
  /** The models that cannot hold to a schema by themselves, `*` for any text; default all whose calls come through here. */
  readonly models?: readonly string[];
}

/**
 * Asks in words for what a model cannot be held to: `response_format` is taken off, and an instruction with the schema is put
 * into the system message. That is a request, not a promise: mount `validateOutput` outside, and `json-repair` for the fences and
 * prose that such models answer with. Mount it inside `fallback`, so that each target is asked in its own way. Throws a
 * `TypeError` for a bad option.
 */
export function schemaAsInstruction(options: SchemaAsInstructionOptions = {}): Middleware {
  const { models = ["*"] } = knownOptions("schemaAsInstruction", options, ["models"]);
  if (!Array.isArray(models) || models.length === 0) {
    throw new TypeError("schemaAsInstruction: models must be a list of names of models.");
  }
  const patterns = models.map((model) => namePattern(model));

  return async (request, next) => {
    const { response_format: format, ...rest } = request;
    const instruction = patterns.some((matches) => matches(request.model)) ? instructionOf(format) : undefined;
    if (instruction === undefined) return next(request);
    // Taking a field off leaves the others, and with them a whole request.
    return next({ ...(rest as ChatRequest), messages: withInstruction(request.messages, instruction) });
  };
}

function instructionOf(format: ChatRequest["response_format"]): string | undefined {
  if (format?.type === "json_object") return `${ONLY_JSON} It must be an object.`;
  const asked = format?.type === "json_schema" ? format.json_schema : undefined;
  if (!isObject(asked) || !("schema" in asked)) return undefined;
  const { schema, description } = asked;
  // What the caller says of it stands within the JSON, as data among the operator's own words.
  const told = typeof description === "string" && isObject(schema) ? { description, ...schema } : (schema ?? true);
  return `${ONLY_JSON} It must be valid against this JSON Schema:\n${JSON.stringify(told)}`;
}

const ONLY_JSON = "Answer with one JSON value and nothing else: no code fence, no words before or after it.";

/** The instruction stands at the end of the first message where that is the operator's, else before all: many models take one only. */
function withInstruction(messages: readonly ChatMessage[], instruction: string): readonly ChatMessage[] {
  const [first, ...others] = messages;
  if (first?.role !== "system" && first?.role !== "developer") {
    return [{ role: "system", content: instruction }, ...messages];
  }
  const { content } = first;
  const told = Array.isArray(content)
    ? [...content, { type: "text", text: instruction }]
    : `${content ?? ""}\n\n${instruction}`;
  return [{ ...first, content: told }, ...others];
}
