import { type ContentPart, type Delta, type ToolCall, ToolCalls } from "@gatewright/core";

// What of an answer is a text of the model's, and which: those that are repaired are those that are checked.

type Content = NonNullable<Delta["content"]>;

/** Whether a part of a content is said by the model, and not thought, or of another kind. */
export function isText(part: ContentPart): part is ContentPart & { readonly text: string } {
  return typeof part.text === "string" && (part.type === "text" || part.type === "output_text");
}

/** A content with each text in it changed; all else stays. */
export function mapSpoken(content: Content, change: (text: string) => string): Content {
  if (typeof content === "string") return change(content);
  if (!Array.isArray(content)) return change(written(content));
  return content.map((part) => (isText(part) ? { ...part, text: change(part.text) } : part));
}

/** What a piece says of the content. */
export function contentText({ content }: Delta): string {
  if (!content || typeof content === "string") return content ?? "";
  let said = "";
  mapSpoken(content, (text) => {
    said += text;
    return text;
  });
  return said;
}

/** Whether a piece calls a tool, or refuses: what else is said is not the answer then. */
export function isBesides({ refusal, tool_calls, function_call }: Delta): boolean {
  return Boolean(refusal || tool_calls?.length || function_call);
}

/** Whether a piece goes on with the content or with calls: behind its finish reason a choice may not. */
export function goesOn(delta: Delta): boolean {
  return Boolean(delta.tool_calls?.length) || contentText(delta) !== "";
}

/** A piece of a tool call. */
export interface SpokenCall {
  /** Which call it is a piece of. */
  readonly index: number;
  /** Whether that is a function: a tool of another kind has an input that is no JSON. */
  readonly isFunction: boolean;
  /** What it says of the arguments; `undefined` for nothing. */
  readonly given: string | undefined;
}

/** The tool calls of one choice. */
export class SpokenCalls {
  readonly #calls: ToolCalls = new ToolCalls();
  readonly #functions = new Set<number>();

  /** Sees the next piece. */
  see(call: ToolCall): SpokenCall {
    const index = this.#calls.complete(call).index ?? 0;
    if (call.function) this.#functions.add(index);
    const said: unknown = call.function?.arguments;
    const given = said === undefined || said === null ? undefined : written(said);
    return { index, isFunction: this.#functions.has(index), given };
  }
}

/** Some services give out JSON parsed, whatever the types say. */
function written(said: unknown): string {
  return typeof said === "string" ? said : JSON.stringify(said);
}

/** Where a choice stands in the completion. */
export function choicePath(choice: number): string {
  return `choices[${shown(choice)}]`;
}

/** Where its content does. */
export function contentPath(choice: number): string {
  return `${choicePath(choice)}.message.content`;
}

/** Where the arguments of one of its calls do. */
export function argumentsPath(choice: number, call: number): string {
  return `${choicePath(choice)}.message.tool_calls[${shown(call)}].function.arguments`;
}

/** An index for a message: what is no number may be anything the upstream has written. */
function shown(index: number): string {
  return Number.isSafeInteger(index) ? String(index) : "?";
}
