import type { ChatChunk, ChunkChoice, Delta } from "@gatewright/core";

/**
 * A parsed event as a chunk, or `undefined` where it is none. One without `choices` tells something beside the answer
 * and gets none; a choice without an index or a delta gets its place and an empty one.
 */
export function asChunk(value: unknown): ChatChunk | undefined {
  if (isChunk(value)) return value;
  if (!isObject(value)) return undefined;
  const choices = value.choices ?? [];
  if (
    !Array.isArray(choices) ||
    choices.length > MAX_CHOICES ||
    !choices.every((choice) => isObject(choice) && inBounds(choice.index) && isDelta(choice.delta ?? {}))
  ) {
    return undefined;
  }
  return { ...value, choices: choices.map(chunkChoice) };
}

/** A parsed completion as one chunk whose deltas are its messages, or `undefined` where it is none. */
export function completionAsChunk(value: unknown): ChatChunk | undefined {
  if (!isObject(value) || !Array.isArray(value.choices) || value.choices.length === 0) return undefined;
  const choices: unknown[] = value.choices;
  if (choices.length > MAX_CHOICES) return undefined;
  if (!choices.every((choice) => isObject(choice) && inBounds(choice.index) && isDelta(choice.message)))
    return undefined;
  return {
    ...value,
    object: "chat.completion.chunk",
    choices: choices.filter(isObject).map(({ message, ...choice }, position) => {
      // A whole answer has ended, whether or not its service says why.
      const finish_reason = typeof choice.finish_reason === "string" ? choice.finish_reason : "stop";
      return { ...chunkChoice({ ...choice, delta: message }, position), finish_reason };
    }),
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isChunk(value: unknown): value is ChatChunk {
  return isObject(value) && Array.isArray(value.choices) && value.choices.every(isChoice);
}

function isChoice(value: unknown): value is ChunkChoice {
  return isObject(value) && typeof value.index === "number" && inBounds(value.index) && isDelta(value.delta);
}

/** As many answers are told apart as a caller may ask for at once. */
const MAX_CHOICES = 128;

function inBounds(index: unknown): boolean {
  return typeof index !== "number" || (Number.isInteger(index) && index >= 0 && index < MAX_CHOICES);
}

/** An object whose content and tool calls, if it has any, are of their kinds: what looks into an answer relies on that. */
function isDelta(value: unknown): value is Delta {
  if (!isObject(value)) return false;
  const { content = "", tool_calls } = value;
  const calls = tool_calls ?? [];
  const readable = typeof content === "string" || content === null || (Array.isArray(content) && content.every(isPart));
  return readable && Array.isArray(calls) && calls.every(isObject);
}

function isPart(value: unknown): boolean {
  return isObject(value) && (value.text === undefined || typeof value.text === "string");
}

function chunkChoice(choice: Readonly<Record<string, unknown>>, position: number): ChunkChoice {
  const { index, delta, finish_reason, ...rest } = choice;
  return {
    index: typeof index === "number" ? index : position,
    ...rest,
    delta: isDelta(delta) ? delta : {},
    ...(typeof finish_reason === "string" && { finish_reason }),
  };
}
