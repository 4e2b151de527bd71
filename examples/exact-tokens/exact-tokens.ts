import type { ChatRequest } from "@gatewright/core";
import { estimateTokens } from "@gatewright/core";
import { countTokens } from "gpt-tokenizer/model/gpt-4o";

/**
 * How many tokens a prompt has for the models that use GPT-4o's tokenizer: `rateLimit({ countTokens: exactTokens, … })`.
 *
 * A tokenizer's time grows with the square of what has no spaces: 40,000 letters in one word take more than a second. So
 * text is counted in slices, each of which may cost a token too many, and what is beyond `MOST_CHARS` is estimated.
 */
export function exactTokens(request: ChatRequest): number {
  let tokens = PRIMING;
  let left = MOST_CHARS;
  const guessed: ChatRequest["messages"][number][] = [];
  for (const message of request.messages) {
    const { content, role } = message;
    if (typeof content !== "string" || message.tool_calls || content.length > left) {
      guessed.push(message);
      continue;
    }
    left -= content.length;
    tokens += PER_MESSAGE + countTokens(role);
    for (let at = 0; at < content.length; at += SLICE) tokens += countTokens(content.slice(at, at + SLICE), PLAIN);
  }
  // Parts, tool calls, tools and schemas are framed in ways that are not published.
  return tokens + estimateTokens({ ...request, messages: guessed });
}

const SLICE = 256;
const MOST_CHARS = 50_000;
/** What a model is given before its answer, and around each message. */
const PRIMING = 3;
const PER_MESSAGE = 3;
/** Text that looks like a special token is text. */
const PLAIN = { disallowedSpecial: new Set<string>() };
