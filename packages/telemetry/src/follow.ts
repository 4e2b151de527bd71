import {
  type ChatChunk,
  type ChatReply,
  type ChatRequest,
  type Middleware,
  mapChunks,
  onEnd,
  toGatewayError,
  type Usage,
} from "@gatewright/core";
import { context, type Context as TraceContext } from "@opentelemetry/api";
import type { Ended } from "./failure.ts";

/** What is told of how it goes on below. */
export interface Watcher {
  /** The answer has begun. */
  begun(reply: ChatReply): void;
  /** A chunk was read; left out where nobody looks. */
  read?(chunk: ChatChunk): void;
  /** Told exactly once, however it ended. `usage` is the last that was reported. */
  ended(end: Ended, usage?: Usage): void;
}

/** What a layer has begun for a request. */
export interface Begun {
  /** In which what is below runs. */
  readonly within: TraceContext;
  /** What is below gets this. */
  readonly request: ChatRequest;
  /** Left out where nothing is recorded. */
  readonly watcher?: Watcher | undefined;
}

/**
 * A layer that watches what is below, while it `isOn`. Where `begin` answers nothing, there is nothing to do; what it throws
 * changes nothing.
 */
export function watching(isOn: () => boolean, begin: (request: ChatRequest) => Begun | undefined): Middleware {
  return (request, next) => {
    const begun = harmless(() => (isOn() ? begin(request) : undefined));
    if (!begun) return next(request);
    const below = (): Promise<ChatReply> => context.with(begun.within, next, undefined, begun.request);
    return begun.watcher ? follow(below, request.call.signal, begun.watcher) : below();
  };
}

/** Calls what is below and tells how that goes on. What a watcher throws changes nothing for the call. */
async function follow(below: () => Promise<ChatReply>, signal: AbortSignal, watcher: Watcher): Promise<ChatReply> {
  let over = false;
  const end = (how: Ended, usage?: Usage): void => {
    if (over) return;
    over = true;
    signal.removeEventListener("abort", leave);
    harmless(() => watcher.ended(how, usage));
  };
  const fail = (thrown: unknown): void => {
    const error = toGatewayError(thrown, signal);
    end({ outcome: error.code === "llm.canceled" ? "canceled" : "failed", error });
  };
  // What listens to the signal fails by itself in a moment, and what is below it has told its own end by then.
  const leave = (): void => void setImmediate(() => fail(signal.reason));
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  let reply: ChatReply;
  try {
    reply = await below();
  } catch (thrown) {
    fail(thrown);
    throw thrown;
  }
  signal.removeEventListener("abort", leave);
  if (over) return reply;
  harmless(() => watcher.begun(reply));
  return onEnd(looked(reply, watcher), ({ outcome, error, usage }) => end({ outcome, error }, usage), signal);
}

function looked(reply: ChatReply, watcher: Watcher): ChatReply {
  if (!watcher.read) return reply;
  return mapChunks(reply, (chunk) => {
    harmless(() => watcher.read?.(chunk));
    return chunk;
  });
}

/** Runs something that only watches: if it throws, nobody is worse off. */
function harmless<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
