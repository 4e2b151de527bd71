import type { ChatRequest, ToolFunction } from "./chat-request.ts";
import type { SimulatedToolCall } from "./completion.ts";
import { brokenJson } from "./content.ts";
import type { Directives } from "./directives.ts";
import { RequestError } from "./request-error.ts";
import { instanceOf } from "./schema-instance.ts";

/**
 * The tool calls of one choice: those that the directive or `tool_choice` asks for, and none once a tool's result is
 * the last message, so that an agent's loop comes to an end.
 */
export function toolCallsOf(request: ChatRequest, directives: Directives, id: string): SimulatedToolCall[] {
  const { tools, toolChoice, messages } = request;
  if (directives.tool === undefined && toolChoice === "free") return [];
  if (messages.at(-1)?.role === "tool") return [];
  if (tools.length === 0) throw new RequestError('Directive "tool" needs "tools" in the request.', "tools");
  const offered = typeof toolChoice === "object" ? [toolChoice] : tools;
  const wanted = directives.tool === undefined || directives.tool === true ? 1 : directives.tool;
  const rounds = Array.from({ length: Math.ceil(wanted / offered.length) }, () => offered).flat();
  return rounds.slice(0, wanted).map((tool, index) => ({
    id: `call_${id}${index}`,
    type: "function",
    function: { name: tool.name, arguments: argumentsFor(tool, directives) },
  }));
}

function argumentsFor(tool: ToolFunction, directives: Directives): string {
  const value = instanceOf(tool.parameters ?? { type: "object" });
  return directives["broken-json"] ? brokenJson(value) : JSON.stringify(value);
}
