import type { Delta, ToolCall } from "@gatewright/core";
import { isText } from "./spoken.ts";

/** The piece with more content behind its own. */
export function withContent(delta: Delta, more: string): Delta {
  const { content } = delta;
  if (!content || typeof content === "string") return { ...delta, content: `${content ?? ""}${more}` };
  const last = content.findLastIndex(isText);
  if (last === -1) return { ...delta, content: [...content, { type: "text", text: more }] };
  const parts = content.map((part, at) => (at === last ? { ...part, text: `${part.text}${more}` } : part));
  return { ...delta, content: parts };
}

/** A piece of a tool call, and the index of the call. */
export interface KnownCall {
  readonly index: number;
  readonly call: ToolCall;
}

/** The pieces of calls with the rests of their arguments, each behind the last piece of its call. Takes out what it uses. */
export function withArguments(calls: readonly KnownCall[], rests: Map<number, string>): readonly KnownCall[] {
  const changed = calls.toReversed().map(({ index, call }) => {
    const rest = rests.get(index);
    if (rest === undefined) return { index, call };
    rests.delete(index);
    const text = `${call.function?.arguments ?? ""}${rest}`;
    return { index, call: { ...call, function: { ...call.function, arguments: text } } };
  });
  return changed.reverse();
}
