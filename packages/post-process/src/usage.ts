import type { ChatChunk, Usage } from "@gatewright/core";
import { isObject, type JsonObject } from "./schema/json.ts";

/** The chunk with what an earlier answer to the same call has used added to its usage, if it has one. */
export function addUsage(chunk: ChatChunk, earlier: Usage | undefined): ChatChunk {
  if (!chunk.usage || !earlier) return chunk;
  return { ...chunk, usage: sum(chunk.usage, earlier) };
}

/** Counts are added, also those of the details; all else is as the later answer has it. */
function sum<Counts extends JsonObject>(later: Counts, earlier: JsonObject): Counts {
  const fields = Object.entries(later).map(([name, value]) => {
    const other = Object.hasOwn(earlier, name) ? earlier[name] : undefined;
    if (typeof value === "number" && typeof other === "number") return [name, value + other];
    if (isObject(value) && isObject(other)) return [name, sum(value, other)];
    return [name, value];
  });
  return Object.fromEntries(fields);
}
