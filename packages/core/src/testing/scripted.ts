import type { ChatChunk, ChatReply, ChatRequest, Delta, Handler } from "../chat.ts";
import { onEnd, textReply } from "../reply.ts";

/**
 * What a scripted handler does with one call: answer a text; reject with an error; stream chunks, where an error in the
 * list is thrown in its place and the end of the list ends the stream; or whatever a handler does.
 */
export type Outcome = string | Error | readonly (ChatChunk | Error)[] | Handler;

export interface Scripted extends Handler {
  /** The requests that came, in order. */
  readonly requests: readonly ChatRequest[];
  /** How many replies are begun and not ended: 0 once everything that was started has been let go. */
  readonly open: number;
}

/**
 * A handler whose outcomes are given, one a call, in order. A call too many rejects, naming how many were expected.
 * @example scripted(new GatewayError("llm.provider.overloaded", "busy"), "Hello")
 */
export function scripted(...outcomes: readonly Outcome[]): Scripted {
  const requests: ChatRequest[] = [];
  let open = 0;
  const handler: Handler = async (request) => {
    const outcome = outcomes[requests.push(request) - 1];
    if (outcome === undefined) throw new Error(`scripted: call ${requests.length} came, ${outcomes.length} expected.`);
    if (outcome instanceof Error) throw outcome;
    const reply = await replyOf(outcome, request);
    open++;
    return onEnd(reply, () => open--);
  };
  return Object.defineProperties(handler, {
    requests: { get: () => requests },
    open: { get: () => open },
    // The two properties of `Scripted` are the ones defined here.
  }) as Scripted;
}

/** The chunks of a streamed answer of the given pieces, the last of them with the finish reason `stop`. */
export function chunksOf(...pieces: readonly string[]): ChatChunk[] {
  const id = "chatcmpl-scripted";
  const chunk = (delta: Delta, finish_reason: string | null): ChatChunk => ({
    id,
    object: "chat.completion.chunk",
    created: 0,
    model: "test-model",
    choices: [{ index: 0, delta, finish_reason }],
  });
  const texts = pieces.map((content) => chunk({ content }, null));
  return [chunk({ role: "assistant", content: "" }, null), ...texts, chunk({}, "stop")];
}

async function replyOf(outcome: Exclude<Outcome, Error>, request: ChatRequest): Promise<ChatReply> {
  if (typeof outcome === "function") return outcome(request);
  if (typeof outcome === "string") return textReply(outcome, { model: request.model });
  const play = async function* (): AsyncGenerator<ChatChunk> {
    for (const step of outcome) {
      if (step instanceof Error) throw step;
      yield step;
    }
  };
  return { headers: {}, chunks: play() };
}
