import type { ChatChunk, ChunkChoice, ToolCall } from "./chat.ts";

/**
 * Makes a function that gives each chunk of one stream the fields that strict readers ask for and some services leave
 * out: `object`, the `role` of a choice's first delta, and the `index` and `type` of tool calls. A chunk that lacks
 * nothing comes back as it is.
 */
export function normalizer(): (chunk: ChatChunk) => ChatChunk {
  const seen = new Map<number, ToolCalls>();
  const complete = (choice: ChunkChoice): ChunkChoice => {
    const { role, tool_calls } = choice.delta;
    const calls = seen.get(choice.index) ?? new ToolCalls();
    const needsRole = !seen.has(choice.index) && !role;
    seen.set(choice.index, calls);
    const completed = tool_calls?.map((call) => calls.complete(call));
    const callsChanged = completed?.some((call, position) => call !== tool_calls?.[position]);
    if (!needsRole && !callsChanged) return choice;
    const delta = needsRole ? { ...choice.delta, role: "assistant" } : choice.delta;
    return { ...choice, delta: callsChanged && completed ? { ...delta, tool_calls: completed } : delta };
  };
  return (chunk) => {
    const choices = chunk.choices.map(complete);
    const changed =
      chunk.object === undefined || choices.some((choice, position) => choice !== chunk.choices[position]);
    return changed ? { ...chunk, object: chunk.object ?? "chat.completion.chunk", choices } : chunk;
  };
}

/** The tool calls of one choice, seen so far: the id under each index. */
class ToolCalls {
  readonly #ids = new Map<number, string | undefined>();
  #last = 0;

  complete(call: ToolCall): ToolCall {
    const index = call.index ?? this.#indexOf(call);
    const lacksType = !this.#ids.has(index) && !call.type;
    if (!this.#ids.has(index)) this.#ids.set(index, call.id);
    this.#last = index;
    if (typeof call.index === "number" && !lacksType) return call;
    return lacksType ? { ...call, index, type: "function" } : { ...call, index };
  }

  /** A piece without an index goes on with the call of its id; with a new id or a name it begins one; else with the last. */
  #indexOf({ id, function: named }: ToolCall): number {
    for (const [index, known] of this.#ids) if (id && known === id) return index;
    if (!id && !named?.name) return this.#last;
    return Math.max(-1, ...this.#ids.keys()) + 1;
  }
}
