import type { ChatChunk, Usage } from "@gatewright/core";

/** The chunk with what an earlier answer to the same call has used added to its usage, if it has one. */
export function addUsage(chunk: ChatChunk, earlier: Usage | undefined): ChatChunk {
  if (!chunk.usage || !earlier) return chunk;
  return { ...chunk, usage: sum(chunk.usage, earlier) };
}

/** Counts are added, also those of the details; all else is as the later answer has it. */
function sum(later: Usage, earlier: Usage): Usage {
  const fields = Object.entries(later).map(([name, value]) => {
    const other = Object.hasOwn(earlier, name) ? earlier[name] : undefined;
    if (typeof value === "number" && typeof other === "number") return [name, value + other];
    if (isFields(value) && isFields(other)) return [name, sum(value, other)];
    return [name, value];
  });
  return Object.fromEntries(fields);
}

function isFields(value: unknown): value is Usage {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
