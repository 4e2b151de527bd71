import type { ChatChunk, ChatReply, ChatRequest } from "./chat.ts";
import { type ChunkIterator, iterate } from "./chunk-iterator.ts";
import type { Clock } from "./clock.ts";
import { GatewayError, toGatewayError } from "./error.ts";
import { discard, onEnd, type ReplyEnd } from "./reply.ts";

/** A request for what is below, with a signal of its own: it aborts with the call, or alone. */
export interface Branch {
  readonly request: ChatRequest;
  readonly signal: AbortSignal;
  /** Ends what is below; `reason` is what it fails with. */
  abort(reason: unknown): void;
  /** To be called once what is below is over, however it ended: whatever is left of it ends as well. */
  release(): void;
}

export function branch(request: ChatRequest): Branch {
  const { call } = request;
  const own = new AbortController();
  const follow = (): void => own.abort(call.signal.reason);
  if (call.signal.aborted) follow();
  else call.signal.addEventListener("abort", follow, { once: true });
  return {
    request: { ...request, call: { ...call, signal: own.signal } },
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => {
      call.signal.removeEventListener("abort", follow);
      own.abort(OVER);
    },
  };
}

/** What aborts whatever may be left of a call that has ended. */
export const OVER: GatewayError = new GatewayError("llm.canceled", "The call is over.");

/** What aborts a try whose place another has taken. */
export const OTHER_WON: GatewayError = new GatewayError("llm.canceled", "Another try answered first.");

/** What a promise gives, unless the signal aborts first: then its reason. What comes later goes to `late`. */
export function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  late: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(signal.reason);
      promise.then(late).catch(() => {});
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

/** The reply of a branch: it ends as soon as the branch is aborted, even where what is below does not listen. */
export async function replyUnlessAborted(replying: Promise<ChatReply>, signal: AbortSignal): Promise<ChatReply> {
  const reply = await unlessAborted(replying, signal, letGo);
  return { headers: reply.headers, chunks: new AbortableChunks(iterate(reply.chunks), signal) };
}

/**
 * The reply of what is below, and `end` called exactly once when that is over: rejected, ended however it did, or given
 * up because the signal aborted, whether or not what is below listens to it.
 */
export async function untilOver(
  replying: Promise<ChatReply>,
  signal: AbortSignal,
  end: (end: ReplyEnd) => void,
): Promise<ChatReply> {
  let reply: ChatReply;
  try {
    reply = await replyUnlessAborted(replying, signal);
  } catch (thrown) {
    const error = toGatewayError(thrown, signal);
    end({ outcome: error.code === "llm.canceled" ? "canceled" : "interrupted", error, usage: undefined, chunks: 0 });
    throw thrown;
  }
  return onEnd(reply, end, signal);
}

/** Ends a reply that nobody will read, where nobody waits for that end. */
export function letGo(reply: ChatReply): void {
  discard(reply).catch(() => {});
}

/** Waits, or throws the signal's reason as soon as it aborts. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const leave = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", leave);
      resolve();
    });
    signal.addEventListener("abort", leave, { once: true });
  });
}

class AbortableChunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #source: ChunkIterator;
  readonly #signal: AbortSignal;
  /** Fails the reading that is under way. */
  #fail: ((reason: unknown) => void) | undefined;

  readonly #abort = (): void => {
    this.#fail?.(this.#signal.reason);
    this.#source.return?.().catch(() => {});
  };

  constructor(source: ChunkIterator, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  next(): Promise<IteratorResult<ChatChunk, unknown>> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#source.next().then(
        (result) => {
          this.#fail = undefined;
          if (result.done) this.#signal.removeEventListener("abort", this.#abort);
          resolve(result);
        },
        (thrown: unknown) => {
          this.#signal.removeEventListener("abort", this.#abort);
          reject(thrown);
        },
      );
    });
  }

  ready(): ChatChunk | undefined {
    return this.#signal.aborted ? undefined : this.#source.ready?.();
  }

  async return(): Promise<IteratorResult<ChatChunk, unknown>> {
    this.#signal.removeEventListener("abort", this.#abort);
    // What does not listen to the signal may not end either: then nobody waits for it.
    const returned = this.#source.return?.();
    if (this.#signal.aborted) returned?.catch(() => {});
    else await returned;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
