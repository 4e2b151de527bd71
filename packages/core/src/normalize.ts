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

/** The tool calls of one choice, seen so far, and which of them a piece belongs to. */
export class ToolCalls {
  readonly #indexes = new Set<number>();
  readonly #byId = new Map<string, number>();
  #highest = -1;
  #last = 0;

  /** The piece with its index, and with a type where it begins a call. One that lacks neither comes back as it is. */
  complete(call: ToolCall): ToolCall {
    const index = call.index ?? this.#indexOf(call);
    const isNew = !this.#indexes.has(index);
    const lacksType = isNew && !call.type;
    if (isNew) this.#begin(index, call.id);
    this.#last = index;
    if (typeof call.index === "number" && !lacksType) return call;
    return lacksType ? { ...call, index, type: "function" } : { ...call, index };
  }

  #begin(index: number, id: string | undefined): void {
    this.#indexes.add(index);
    if (index > this.#highest) this.#highest = index;
    if (id && !this.#byId.has(id)) this.#byId.set(id, index);
  }

  /** A piece without an index goes on with the call of its id; with a new id or a name it begins one; else with the last. */
  #indexOf({ id, function: named }: ToolCall): number {
    const known = id ? this.#byId.get(id) : undefined;
    if (known !== undefined) return known;
    return !id && !named?.name ? this.#last : this.#highest + 1;
  }
}
