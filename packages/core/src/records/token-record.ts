import type { Usage } from "../chat.ts";
import { isFields } from "../json.ts";
import type { TokenRecord } from "./record.ts";

/**
 * What a provider reported, in OpenAI's form; `undefined` where it reported nothing, or nonsense. Of input and output one may be
 * left out: then it is what the other leaves of the total, or else 0.
 */
export function tokenRecord(usage: Usage | undefined): TokenRecord | undefined {
  if (!isFields(usage)) return undefined;
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, completion_tokens_details } = usage;
  const input = isSaid(prompt_tokens) ? prompt_tokens : rest(total_tokens, completion_tokens);
  const output = isSaid(completion_tokens) ? completion_tokens : rest(total_tokens, prompt_tokens);
  const isNothing = !isSaid(prompt_tokens) && !isSaid(completion_tokens);
  if (isNothing || !isCount(input) || !isCount(output)) return undefined;
  const cached = isFields(prompt_tokens_details) ? prompt_tokens_details.cached_tokens : undefined;
  const reasoning = isFields(completion_tokens_details) ? completion_tokens_details.reasoning_tokens : undefined;
  return {
    input,
    output,
    ...(isCount(cached) && cached <= input && { cached }),
    ...(isCount(reasoning) && { reasoning }),
  };
}

/** More tokens than any call uses: whoever says so is wrong. */
const MOST = 1e7;

function isSaid(tokens: unknown): boolean {
  return tokens !== undefined && tokens !== null;
}

function isCount(tokens: unknown): tokens is number {
  return typeof tokens === "number" && Number.isInteger(tokens) && tokens >= 0 && tokens <= MOST;
}

function rest(total: unknown, other: unknown): number {
  return isCount(total) && isCount(other) && total >= other ? total - other : 0;
}
