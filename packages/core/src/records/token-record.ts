import type { Usage } from "../chat.ts";
import { isFields } from "../json.ts";
import { isCount, isSaid } from "../tokens.ts";
import type { TokenRecord, Writable } from "./record.ts";

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
  const record: Writable<TokenRecord> = { input, output };
  if (isCount(cached) && cached <= input) record.cached = cached;
  if (isCount(reasoning)) record.reasoning = reasoning;
  return record;
}

function rest(total: unknown, other: unknown): number {
  return isCount(total) && isCount(other) && total >= other ? total - other : 0;
}

/** What several tries have used together. */
export function sumOfTokens(all: readonly TokenRecord[]): TokenRecord | undefined {
  const [first, ...others] = all;
  return others.reduce(
    (sum, { input, output, cached, reasoning }) =>
      sum && {
        input: sum.input + input,
        output: sum.output + output,
        ...plus("cached", sum.cached, cached),
        ...plus("reasoning", sum.reasoning, reasoning),
      },
    first,
  );
}

function plus(name: "cached" | "reasoning", one: number | undefined, other: number | undefined): Partial<TokenRecord> {
  return one === undefined && other === undefined ? {} : { [name]: (one ?? 0) + (other ?? 0) };
}
