import type { ChatChunk, ChatRequest, Usage } from "@gatewright/core";
import type { Attributes } from "@opentelemetry/api";
import { attribute } from "./conventions.ts";
import { shown } from "./shown.ts";

/** How many answers of one call are looked at. */
const MAX_CHOICES = 128;

/** What is remembered of an answer while it is read. */
export class AnswerFacts {
  model: string | undefined;
  #id: string | undefined;
  #tier: unknown;
  #fingerprint: unknown;
  readonly #reasons = new Map<number, string>();

  see({ id, model, choices, service_tier, system_fingerprint }: ChatChunk): void {
    this.model ??= model;
    this.#id ??= id;
    this.#tier ??= service_tier;
    this.#fingerprint ??= system_fingerprint;
    for (const { index, finish_reason } of choices) {
      if (finish_reason && this.#reasons.size < MAX_CHOICES) this.#reasons.set(index, finish_reason);
    }
  }

  /** What a span tells of it. */
  attributes(usage: Usage | undefined): Attributes {
    const reasons = [...this.#reasons].sort(([one], [other]) => one - other).map(([, reason]) => shown(reason));
    return {
      ...text(attribute.responseModel, this.model),
      ...text(attribute.responseId, this.#id),
      ...(reasons.length > 0 && { [attribute.finishReasons]: reasons }),
      ...usageAttributes(usage),
    };
  }

  /** What else the conventions for OpenAI ask for. */
  openaiAttributes({ service_tier }: ChatRequest): Attributes {
    return {
      [attribute.openaiApi]: "chat_completions",
      // `auto` is what everybody gets who asks for none.
      ...(service_tier !== "auto" && text(attribute.openaiRequestTier, service_tier)),
      ...text(attribute.openaiResponseTier, this.#tier),
      ...text(attribute.openaiFingerprint, this.#fingerprint),
    };
  }
}

function usageAttributes(usage: Usage | undefined): Attributes {
  const counts = {
    [attribute.inputTokens]: usage?.prompt_tokens,
    [attribute.outputTokens]: usage?.completion_tokens,
    [attribute.cacheReadTokens]: detail(usage?.prompt_tokens_details, "cached_tokens"),
    [attribute.cacheCreationTokens]: usage?.cache_creation_input_tokens,
    [attribute.reasoningTokens]: detail(usage?.completion_tokens_details, "reasoning_tokens"),
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => isCount(count)));
}

/** Whether a provider's count is one: some write numbers as texts, or none. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function detail(details: unknown, name: string): unknown {
  return typeof details === "object" && details !== null ? Reflect.get(details, name) : undefined;
}

function text(name: string, value: unknown): Attributes {
  return typeof value === "string" ? { [name]: shown(value) } : {};
}
