import { type ChatRequest, textOf } from "./chat-request.ts";
import type { Choice } from "./completion.ts";
import type { Directives } from "./directives.ts";
import { countTokens } from "./text.ts";

/** The usage object of an answer, or nothing where a directive leaves it out. */
export function usageOf(request: ChatRequest, choices: readonly Choice[], directives: Directives): unknown {
  if (directives.usage === "none") return undefined;
  const number = directives.usage === "strings" ? String : (value: number) => value;
  const prompt = sum(request.messages.map((message) => countTokens(textOf(message))));
  const reasoning = sum(choices.map((choice) => countTokens(choice.reasoning)));
  const completion = reasoning + sum(choices.map(visibleTokens));
  return {
    prompt_tokens: number(prompt),
    completion_tokens: number(completion),
    total_tokens: number(prompt + completion),
    prompt_tokens_details: { cached_tokens: number(0) },
    completion_tokens_details: { reasoning_tokens: number(reasoning) },
  };
}

function visibleTokens({ content, refusal, toolCalls }: Choice): number {
  const texts = [content ?? "", refusal ?? "", ...toolCalls.map((call) => call.function.arguments)];
  return sum(texts.map(countTokens));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
