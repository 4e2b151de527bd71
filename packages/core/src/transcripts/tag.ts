import type { ChatMessage } from "../chat.ts";

/** What a transcript takes the place of, exactly so: with one space on either side. */
export const TRANSCRIPT_TAG = "{{ transcript }}";

/** Where the tag stands. */
export interface TagPlace {
  readonly message: number;
  /** The part of the message's content, where that is a list. */
  readonly part: number | undefined;
  readonly at: number;
}

/** The first tag of the first message that has one, in its text or in a text part of it. */
export function findTag(messages: readonly ChatMessage[]): TagPlace | undefined {
  for (const [message, { content }] of messages.entries()) {
    if (typeof content === "string") {
      const at = content.indexOf(TRANSCRIPT_TAG);
      if (at >= 0) return { message, part: undefined, at };
      continue;
    }
    for (const [part, { type, text }] of (content ?? []).entries()) {
      const at = type === "text" ? (text?.indexOf(TRANSCRIPT_TAG) ?? -1) : -1;
      if (at >= 0) return { message, part, at };
    }
  }
  return undefined;
}

/** The same messages with a text in the place of the tag. It is not looked into: no tag and no sign in it means anything. */
export function insertText(
  messages: readonly ChatMessage[],
  { message, part, at }: TagPlace,
  inserted: string,
): ChatMessage[] {
  const put = (text: string): string => text.slice(0, at) + inserted + text.slice(at + TRANSCRIPT_TAG.length);
  return messages.map((original, index) => {
    const { content } = original;
    if (index !== message || !content) return original;
    if (typeof content === "string") return { ...original, content: put(content) };
    const parts = content.map((other, place) => (place === part ? { ...other, text: put(other.text ?? "") } : other));
    return { ...original, content: parts };
  });
}
