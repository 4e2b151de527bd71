import { isObject, type JsonObject } from "./json-object.ts";
import { RequestError } from "./request-error.ts";

/** What the simulator reads of a chat completion request. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly JsonObject[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly n: number;
  readonly maxTokens: number;
  readonly tools: readonly ToolFunction[];
  /** Whether `tool_choice` asks for a call: of any tool, or of this one. */
  readonly toolChoice: "free" | "required" | ToolFunction;
  /** The JSON that `response_format` asks for. */
  readonly format: { readonly schema: unknown } | undefined;
}

export interface ToolFunction {
  readonly name: string;
  readonly parameters: unknown;
}

/** Reads a parsed body, or throws the error that OpenAI would answer with. */
export function readChatRequest(body: unknown): ChatRequest {
  if (!isObject(body)) throw new RequestError("The body must be a JSON object.");
  const { model, messages } = body;
  if (model === undefined) throw new RequestError("you must provide a model parameter");
  if (typeof model !== "string" || model === "" || model.length > 2000) throw invalid("model", "a string");
  if (messages === undefined) {
    throw new RequestError("Missing required parameter: 'messages'.", "messages", "missing_required_parameter");
  }
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isObject)) {
    throw invalid("messages", "a non-empty array of objects");
  }
  const stream = body.stream ?? false;
  if (typeof stream !== "boolean") throw invalid("stream", "a boolean");
  if (body.stream_options && !stream) {
    const why = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    throw new RequestError(why, "stream_options");
  }
  const tools = readTools(body.tools);
  return {
    model,
    messages,
    stream,
    includeUsage: isObject(body.stream_options) && body.stream_options.include_usage === true,
    n: count(body, "n", 128) ?? 1,
    maxTokens: Math.min(count(body, "max_tokens") ?? Infinity, count(body, "max_completion_tokens") ?? Infinity),
    tools,
    toolChoice: readToolChoice(body.tool_choice, tools),
    format: readFormat(body.response_format),
  };
}

/** The text of a message: its content, or the text parts of it. */
export function textOf(message: JsonObject | undefined): string {
  const content = message?.content;
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => (isObject(part) && typeof part.text === "string" ? part.text : "")).join("");
}

function readTools(tools: unknown): ToolFunction[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw invalid("tools", "an array");
  const functions = tools.map((tool) => (isObject(tool) && isObject(tool.function) ? tool.function : undefined));
  return functions.flatMap((known) =>
    typeof known?.name === "string" ? [{ name: known.name, parameters: known.parameters }] : [],
  );
}

function readToolChoice(choice: unknown, tools: readonly ToolFunction[]): ChatRequest["toolChoice"] {
  if (choice === "required") {
    if (tools.length > 0) return choice;
    throw new RequestError(
      "Invalid value for 'tool_choice': it is only allowed when 'tools' are specified.",
      "tool_choice",
    );
  }
  if (!isObject(choice) || !isObject(choice.function)) return "free";
  const { name } = choice.function;
  const tool = tools.find((known) => known.name === name);
  if (tool) return tool;
  throw new RequestError(`Tool choice '${name}' not found in 'tools' parameter.`, "tool_choice");
}

function readFormat(format: unknown): ChatRequest["format"] {
  if (!isObject(format)) return undefined;
  if (format.type === "json_object") return { schema: undefined };
  if (format.type !== "json_schema") return undefined;
  if (!isObject(format.json_schema)) throw invalid("response_format.json_schema", "an object");
  return { schema: format.json_schema.schema };
}

function count(body: JsonObject, name: string, most: number = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw invalid(name, `an integer from 1 to ${most}`);
}

function invalid(param: string, expected: string): RequestError {
  return new RequestError(`Invalid type for '${param}': expected ${expected}.`, param, "invalid_type");
}
