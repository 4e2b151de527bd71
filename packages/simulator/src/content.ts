import { type ChatRequest, textOf } from "./chat-request.ts";
import type { Directives } from "./directives.ts";
import { instanceOf } from "./schema-instance.ts";
import { seededWords } from "./text.ts";

/** The text of one choice: an echo of the last user message or tool result, if no directive says otherwise. */
export function contentOf(request: ChatRequest, directives: Directives, seed: number, index: number): string {
  const text = plainText(request, directives, seed) + (index > 0 ? ` (${index + 1})` : "");
  const { json, "broken-json": broken, "fenced-json": fenced } = directives;
  if (!(request.format || json || broken || fenced)) return text;
  const value = request.format?.schema ? instanceOf(request.format.schema) : { answer: text };
  const content = broken ? brokenJson(value) : JSON.stringify(value);
  return fenced ? `\`\`\`json\n${content}\n\`\`\`` : content;
}

/** JSON as a hasty model writes it: the first key without quotes, the last bracket missing. */
export function brokenJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/"(\w+)":/, "$1:")
    .slice(0, -1);
}

function plainText(request: ChatRequest, directives: Directives, seed: number): string {
  const words = directives.chunks ?? directives.words;
  if (words !== undefined) return seededWords(seed, words);
  if (directives.bytes !== undefined) return "x".repeat(directives.bytes);
  const { messages } = request;
  const last = messages.at(-1);
  return textOf(last?.role === "tool" ? last : (messages.findLast(({ role }) => role === "user") ?? last)) || "Hello.";
}
