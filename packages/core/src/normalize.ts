import type { ChatChunk, ChunkChoice, ToolCall } from "./chat.ts";

/**
 * Makes a function that gives each chunk of one stream the fields that strict readers ask for and some services leave
 * out: `object`, the `role` of a choice's first delta, and the `index` and `type` of tool calls. A chunk that lacks
 * nothing comes back as it is.
 */
export function normalizer(): (chunk: ChatChunk) => ChatChunk {
  const choices = new Map<number, ToolCalls>();
  const complete = (choice: ChunkChoice): ChunkChoice => {
    const calls = choices.get(choice.index);
    const first = calls === undefined;
    const known = calls ?? new ToolCalls();
    if (first) choices.set(choice.index, known);
    const { role, tool_calls } = choice.delta;
    const needsRole = first && role === undefined;
    if (!needsRole && !tool_calls) return choice;
    const completed = tool_calls?.map((call) => known.complete(call));
    const changed = completed?.some((call, position) => call !== tool_calls?.[position]);
    if (!needsRole && !changed) return choice;
    const delta = needsRole ? { role: "assistant", ...choice.delta } : choice.delta;
    return { ...choice, delta: completed ? { ...delta, tool_calls: completed } : delta };
  };
  return (chunk) => {
    let changed = chunk.object === undefined;
    const completed = chunk.choices.map((choice) => {
      const whole = complete(choice);
      changed ||= whole !== choice;
      return whole;
    });
    return changed ? { ...chunk, object: chunk.object ?? "chat.completion.chunk", choices: completed } : chunk;
  };
}

/** The tool calls of one choice, seen so far: the id under each index. */
class ToolCalls {
  readonly #ids = new Map<number, string | undefined>();
  #last = -1;

  complete(call: ToolCall): ToolCall {
    const index = call.index ?? this.#indexOf(call.id);
    const first = !this.#ids.has(index);
    if (first) this.#ids.set(index, call.id);
    this.#last = index;
    const lacksType = first && call.type === undefined;
    if (call.index !== undefined && !lacksType) return call;
    return lacksType ? { index, type: "function", ...call } : { index, ...call };
  }

  /** A call without an index goes on with the one of the same id; with a new id it is a new one; else the last. */
  #indexOf(id: string | undefined): number {
    if (id === undefined) return Math.max(this.#last, 0);
    for (const [index, known] of this.#ids) if (known === id) return index;
    return this.#ids.size === 0 ? 0 : Math.max(...this.#ids.keys()) + 1;
  }
}
