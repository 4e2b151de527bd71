import { inHand } from "./begin.ts";
import type { ChatChunk, ChatReply, Usage } from "./chat.ts";
import { iterate } from "./chunk-iterator.ts";
import { type GatewayError, toGatewayError } from "./error.ts";
import { HeldChunks } from "./held-chunks.ts";
import { MappedChunks } from "./mapped-chunks.ts";
import { tell } from "./tell.ts";
import { type ChunkWatcher, WatchedChunks } from "./watched-chunks.ts";

/** How a reply ended. */
export interface ReplyEnd {
  /**
   * `completed`: read to its end. `interrupted`: it failed in the middle. `canceled`: the caller, or the layer that
   * read it, went away.
   */
  readonly outcome: "completed" | "interrupted" | "canceled";
  /** Why it did not complete. Absent where it did, and where its reader simply stopped. */
  readonly error: GatewayError | undefined;
  /** The last usage that the provider reported, if it did. */
  readonly usage: Usage | undefined;
  /** How many chunks came: those that were read, and those in hand when the answer had begun. */
  readonly chunks: number;
}

/**
 * Calls `listener` exactly once, when the reply has ended, however it ended. What it throws changes nothing for the
 * caller. Give the call's `signal` where the reply might never be read: then the end of the call settles it too.
 * @example return onEnd(await next(request), ({ outcome, usage }) => count(outcome, usage));
 */
export function onEnd(reply: ChatReply, listener: (end: ReplyEnd) => void, signal?: AbortSignal): ChatReply {
  return watch(reply, () => {}, listener, signal);
}

/** The same, and `each` called with every chunk that comes; what that throws changes nothing either. */
export function watch(
  reply: ChatReply,
  each: (chunk: ChatChunk) => void,
  listener: (end: ReplyEnd) => void,
  signal?: AbortSignal,
): ChatReply {
  let usage: Usage | undefined;
  let read = 0;
  let ended = false;
  const end = (outcome: ReplyEnd["outcome"], error?: GatewayError): void => {
    if (ended) return;
    ended = true;
    signal?.removeEventListener("abort", abandon);
    tell(listener, { outcome, error, usage, chunks: read });
  };
  const broke = (thrown: unknown): void => {
    const error = toGatewayError(thrown, signal);
    end(error.code === "llm.canceled" ? "canceled" : "interrupted", error);
  };
  const abandon = (): void => broke(signal?.reason);
  if (signal?.aborted) abandon();
  else signal?.addEventListener("abort", abandon, { once: true });
  const see = (chunk: ChatChunk): void => {
    read++;
    usage = chunk.usage ?? usage;
    each(chunk);
  };
  return watchedBy(reply, { see, completed: () => end("completed"), broke, left: () => end("canceled") });
}

/** The same reply, while somebody looks on as it is read. */
export function watchedBy(reply: ChatReply, watcher: ChunkWatcher): ChatReply {
  return { headers: reply.headers, chunks: new WatchedChunks(iterate(reply.chunks), watcher, inHand(reply)) };
}

/** The same reply with each chunk passed through `change`, which returns it as it is or a new one in its place. */
export function mapChunks(reply: ChatReply, change: (chunk: ChatChunk) => ChatChunk): ChatReply {
  return { headers: reply.headers, chunks: new MappedChunks(iterate(reply.chunks), change) };
}

/**
 * The same reply with each piece of its text passed through `change`. A streamed answer comes in pieces that may split
 * words; a whole answer is one piece.
 */
export function mapText(reply: ChatReply, change: (text: string) => string): ChatReply {
  return mapChunks(reply, (chunk) => ({
    ...chunk,
    choices: chunk.choices.map((choice) => {
      const { content } = choice.delta;
      if (!content) return choice;
      const changed =
        typeof content === "string"
          ? change(content)
          : content.map((part) => (part.text === undefined ? part : { ...part, text: change(part.text) }));
      return { ...choice, delta: { ...choice.delta, content: changed } };
    }),
  }));
}

/** A complete answer of the given text, as if a model had said it. */
export function textReply(text: string, options: { readonly model?: string } = {}): ChatReply {
  const chunk: ChatChunk = {
    id: `chatcmpl-${crypto.randomUUID()}`,
    object: "chat.completion.chunk",
    created: Math.floor(Date.now() / 1000),
    model: options.model ?? "gatewright",
    choices: [{ index: 0, delta: { role: "assistant", content: text }, finish_reason: "stop" }],
  };
  return { headers: {}, chunks: new HeldChunks([chunk]) };
}

/** Ends a reply that nobody will read, so that what it holds (a connection, a slot) is free at once. */
export async function discard(reply: ChatReply): Promise<void> {
  await reply.chunks[Symbol.asyncIterator]().return?.();
}
