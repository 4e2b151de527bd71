import { branch, untilOver } from "../abort.ts";
import type { ChatReply, ChatRequest, Middleware } from "../chat.ts";
import { type ChunkIterator, iterate } from "../chunk-iterator.ts";
import { type Clock, MAX_DELAY_MS, systemClock } from "../clock.ts";
import { requestWith } from "../context.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import { numberIn } from "../options.ts";
import type { Workload } from "../workload.ts";

/** Limits on what is below, in milliseconds. What is left out has none. */
export interface TimeoutLimits {
  /**
   * From the call to the end of the answer. A caller may ask for less with the header `x-gateway-timeout-ms`. Outside
   * of retries and fallbacks it spans them all, and they know of it.
   */
  readonly totalMs?: number;
  /** From the call to the first visible chunk of a stream. */
  readonly firstTokenMs?: number;
  /** From the call to the answer, where it is not streamed. */
  readonly completionMs?: number;
  /** Between two chunks, while somebody waits for the next. */
  readonly idleMs?: number;
}

/** The limits, and the time they are measured in. */
export interface TimeoutOptions extends TimeoutLimits {
  readonly clock?: Clock;
}

/** Limits for one kind of work. */
export interface TimeoutClass {
  readonly call: Required<Pick<TimeoutLimits, "totalMs">>;
  readonly attempt: Required<Pick<TimeoutLimits, "firstTokenMs" | "completionMs" | "idleMs">>;
}

/**
 * Limits for three kinds of work: `call` goes outside of retries and fallbacks, `attempt` inside of them, so that a slow
 * try leaves time for another.
 * @example compose([timeout(timeouts.interactive.call), fallback(), retry(), timeout(timeouts.interactive.attempt)], provider)
 */
export const timeouts: Readonly<Record<Workload, TimeoutClass>> = {
  interactive: {
    call: { totalMs: 300_000 },
    attempt: { firstTokenMs: 30_000, completionMs: 120_000, idleMs: 30_000 },
  },
  deferred: {
    call: { totalMs: 900_000 },
    attempt: { firstTokenMs: 120_000, completionMs: 420_000, idleMs: 60_000 },
  },
  batch: {
    call: { totalMs: 3_600_000 },
    attempt: { firstTokenMs: 540_000, completionMs: 1_500_000, idleMs: 300_000 },
  },
};

/**
 * Ends what is below once it takes longer than allowed: `llm.timeout.total`, `llm.timeout.first_token` or
 * `llm.timeout.idle`. What is below is aborted, and not waited for. A target that was silent is not asked again by
 * `retry`; `fallback` goes on to the next. Honours `x-stainless-timeout`, in seconds, which official SDKs send: until the
 * answer where it is not streamed, else until its first visible chunk. Throws a `TypeError` for a bad option.
 */
export function timeout(options: TimeoutOptions): Middleware {
  const { totalMs, firstTokenMs, completionMs, idleMs, clock = systemClock } = options;
  for (const [name, ms] of Object.entries({ totalMs, firstTokenMs, completionMs, idleMs })) {
    if (ms !== undefined) numberIn("timeout", name, ms, 1, MAX_DELAY_MS);
  }
  if ((totalMs ?? firstTokenMs ?? completionMs ?? idleMs) === undefined) {
    throw new TypeError("timeout: set at least one of totalMs, firstTokenMs, completionMs, idleMs.");
  }
  return async (request, next) => {
    request.call.signal.throwIfAborted();
    const below = branch(request);
    const startedAt = clock.now();
    const { total, begin } = limitsFor(request, options);
    const late = (): void => below.abort(new GatewayError("llm.timeout.total", `No whole answer in ${total} ms.`));
    const cancelTotal = total === undefined ? nothing : clock.after(total, late);
    const cancelBegin =
      begin === undefined
        ? nothing
        : clock.after(begin.ms, () => below.abort(new GatewayError(begin.code, `No answer in ${begin.ms} ms.`)));
    let cancelIdle = nothing;
    const end = (): void => {
      cancelTotal();
      cancelBegin();
      cancelIdle();
      below.release();
    };
    const inTime = Math.min(total ?? NEVER, begin?.asked ? begin.ms : NEVER);
    const watched = next(until(below.request, startedAt + inTime)).then((reply) => {
      cancelBegin();
      // One that comes too late is let go.
      if (idleMs === undefined || below.signal.aborted) return reply;
      const { reply: same, cancel } = watchIdle(reply, idleMs, clock, below.abort);
      cancelIdle = cancel;
      return same;
    });
    return untilOver(watched, below.signal, end);
  };
}

const nothing = (): void => {};
const NEVER = Number.POSITIVE_INFINITY;

interface CallLimits {
  readonly total: number | undefined;
  /** The limit on the wait for an answer that has begun; `asked` where the caller set it. */
  readonly begin:
    | { readonly ms: number; readonly code: "llm.timeout.total" | "llm.timeout.first_token"; readonly asked: boolean }
    | undefined;
}

/** What holds for one call: the configured limits, or less where its caller asks for less. */
function limitsFor({ call, stream }: ChatRequest, options: TimeoutLimits): CallLimits {
  const { totalMs } = options;
  const total = totalMs && Math.min(totalMs, wholeNumberIn(call.headers["x-gateway-timeout-ms"]) ?? totalMs);
  const own = stream ? options.firstTokenMs : options.completionMs;
  // How long an SDK waits for an answer is a limit of the call, not of one try: only a limit of the call gives way to it.
  const sdkSeconds = totalMs === undefined ? undefined : wholeNumberIn(call.headers["x-stainless-timeout"]);
  const sdk = sdkSeconds && sdkSeconds * 1000;
  if (sdk !== undefined && sdk < Math.min(own ?? NEVER, total ?? NEVER)) {
    return { total, begin: { ms: sdk, code: "llm.timeout.total", asked: true } };
  }
  return { total, begin: own === undefined ? undefined : { ms: own, code: "llm.timeout.first_token", asked: false } };
}

/** A whole number from a header of the caller; anything else is as good as none. */
function wholeNumberIn(text: string | undefined): number | undefined {
  const value = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return value > 0 ? Math.min(value, MAX_DELAY_MS) : undefined;
}

/** The request with a deadline that is no later than the one it has. */
function until(request: ChatRequest, at: number): ChatRequest {
  return at >= request.call.context.get(deadline) ? request : requestWith(request, deadline, at);
}

/** Aborts once somebody has waited for the next chunk for so long, until canceled. One timer serves a whole stream. */
function watchIdle(
  { headers, chunks }: ChatReply,
  idleMs: number,
  clock: Clock,
  abort: (reason: GatewayError) => void,
): { readonly reply: ChatReply; readonly cancel: () => void } {
  const source = iterate(chunks);
  /** Since when the next chunk is waited for; `undefined` while nobody does. */
  let since: number | undefined;
  const check = (): void => {
    const left = since === undefined ? idleMs : since + idleMs - clock.now();
    if (left <= 0) abort(new GatewayError("llm.timeout.idle", `Nothing more of the answer in ${idleMs} ms.`));
    else cancel = clock.after(left, check);
  };
  let cancel = clock.after(idleMs, check);
  const iterator: ChunkIterator = {
    async next() {
      since = clock.now();
      try {
        return await source.next();
      } finally {
        since = undefined;
      }
    },
    ready: () => source.ready?.(),
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return { reply: { headers, chunks: { [Symbol.asyncIterator]: () => iterator } }, cancel: () => cancel() };
}
