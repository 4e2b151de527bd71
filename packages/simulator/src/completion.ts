/** An answer that is complete in itself, before it takes the form of JSON or of a stream. */
export interface Completion {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage: unknown;
}

export interface Choice {
  readonly reasoning: string;
  readonly content: string | null;
  readonly refusal: string | null;
  readonly toolCalls: readonly SimulatedToolCall[];
  readonly finish: string;
}

export interface SimulatedToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

const FINGERPRINT = "fp_5111a7ed00";

/** A completion as OpenAI's `chat.completion` object, in JSON. */
export function completionJson({ id, created, model, choices, usage }: Completion): string {
  return JSON.stringify({
    id,
    object: "chat.completion",
    created,
    model,
    choices: choices.map(({ reasoning, content, refusal, toolCalls, finish }, index) => ({
      index,
      message: {
        role: "assistant",
        content,
        refusal,
        annotations: [],
        ...(reasoning && { reasoning_content: reasoning }),
        ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
      },
      logprobs: null,
      finish_reason: finish,
    })),
    usage,
    service_tier: "default",
    system_fingerprint: FINGERPRINT,
  });
}

/** The beginning of every chunk of a completion, an object that is not closed yet. */
export function chunkStart({ id, created, model }: Completion): string {
  const head = { id, object: "chat.completion.chunk", created, model };
  return JSON.stringify({ ...head, service_tier: "default", system_fingerprint: FINGERPRINT }).slice(0, -1);
}
