import type { ChatChunk, ChatReply } from "../chat.ts";
import type { ChunkIterator } from "../chunk-iterator.ts";

/** A reply whose chunks are ready in groups: what `next` gives brings those behind it with it. */
export function readyIn(groups: readonly (readonly (ChatChunk | Error)[])[]): {
  reply: ChatReply;
  left: () => boolean;
} {
  const rest = groups.map((group) => [...group]);
  let there: (ChatChunk | Error)[] = [];
  let left = false;
  const iterator: ChunkIterator = {
    async next() {
      if (there.length === 0) there = rest.shift() ?? [];
      const step = there.shift();
      if (step instanceof Error) throw step;
      return step ? { done: false, value: step } : { done: true, value: undefined };
    },
    ready() {
      return there[0] instanceof Error ? undefined : (there.shift() as ChatChunk | undefined); // Looked at just before.
    },
    async return() {
      left = true;
      return { done: true, value: undefined };
    },
  };
  return { reply: { headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } }, left: () => left };
}
