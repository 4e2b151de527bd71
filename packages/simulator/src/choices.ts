import type { ChatRequest } from "./chat-request.ts";
import type { Choice } from "./completion.ts";
import { contentOf } from "./content.ts";
import type { Directives } from "./directives.ts";
import { countTokens, firstTokens, seededWords } from "./text.ts";
import { toolCallsOf } from "./tool-calls.ts";

/** What the model says: `n` choices, the same ones for the same request, directives and seed. */
export function choicesOf(request: ChatRequest, directives: Directives, seed: number, id: string): Choice[] {
  return Array.from({ length: request.n }, (_, index) => {
    const choice = choiceOf(request, directives, seed, id, index);
    return directives.finish ? { ...choice, finish: directives.finish } : choice;
  });
}

function choiceOf(request: ChatRequest, directives: Directives, seed: number, id: string, index: number): Choice {
  const reasoning = directives.reasoning === undefined ? "" : seededWords(seed + 1, directives.reasoning);
  const silent: Choice = { reasoning, content: null, refusal: null, toolCalls: [], finish: "stop" };
  if (directives.refusal) return { ...silent, refusal: "I'm sorry, but I can't help with that." };
  const toolCalls = toolCallsOf(request, directives, `${id}${index}`);
  if (toolCalls.length > 0) return { ...silent, toolCalls, finish: "tool_calls" };
  const content = contentOf(request, directives, seed, index);
  if (request.maxTokens === Infinity || countTokens(content) <= request.maxTokens) return { ...silent, content };
  return { ...silent, content: firstTokens(content, request.maxTokens), finish: "length" };
}
