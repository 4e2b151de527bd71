import type { ChatMessage, ChunkChoice, ContentPart, ToolCall } from "../chat.ts";

/** The text of an answer as it goes by, up to so many characters: what each choice says, and its calls of tools. */
export class AnswerText {
  readonly #choices = new Map<number, string>();
  #left: number;

  constructor(maxChars: number) {
    this.#left = maxChars;
  }

  add({ index, delta }: Pick<ChunkChoice, "index" | "delta">): void {
    if (this.#left <= 0) return;
    const { content, refusal, tool_calls } = delta;
    const said = typeof content === "string" ? content : textOfParts(content);
    const calls = tool_calls ? tool_calls.map(callText).join("") : "";
    const piece = `${said}${typeof refusal === "string" ? refusal : ""}${calls}`.slice(0, this.#left);
    if (piece === "") return;
    this.#left -= piece.length;
    this.#choices.set(index, (this.#choices.get(index) ?? "") + piece);
  }

  toString(): string {
    const texts = [...this.#choices];
    if (texts.length < 2) return texts[0]?.[1] ?? "";
    return texts.map(([index, text]) => `[${index}] ${text}`).join("\n");
  }
}

/** The messages of a prompt as text that people read, a paragraph each, up to so many characters. */
export function promptText(messages: readonly ChatMessage[], maxChars: number): string {
  let text = "";
  for (const { role, content, tool_calls } of messages) {
    const said = typeof content === "string" ? content : textOfParts(content);
    const calls = tool_calls ? tool_calls.map(callText).join("") : "";
    text += `${text === "" ? "" : "\n"}${role}: ${said.slice(0, maxChars)}${calls.slice(0, maxChars)}`;
    if (text.length >= maxChars) return text.slice(0, maxChars);
  }
  return text;
}

function textOfParts(parts: readonly ContentPart[] | null | undefined): string {
  if (!Array.isArray(parts)) return "";
  return parts.map((part: ContentPart) => (typeof part.text === "string" ? part.text : `[${part.type}]`)).join("");
}

/** A call of a tool, or a piece of one: only its first has a name. */
function callText({ function: called }: ToolCall): string {
  const name = called?.name ? `\n→ ${called.name} ` : "";
  return `${name}${called?.arguments ?? ""}`;
}
