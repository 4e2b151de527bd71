import { pause, unlessAborted } from "../abort.ts";
import type { Call } from "../call.ts";
import { callerId } from "../caller.ts";
import { type Clock, MAX_DELAY_MS } from "../clock.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import { numberIn } from "../options.ts";
import { tell } from "../tell.ts";
import { TranscriptCache } from "./cache.ts";
import { ASK_AGAIN_MS, completed, isPending, sourceFailure, unavailable } from "./errors.ts";
import { Flights } from "./flights.ts";
import { readTranscript, type Transcript, type TranscriptSource } from "./transcript.ts";

/** How a transcript source is asked, and what is kept of its answers. */
export interface TranscriptLookupOptions {
  /** Where transcripts come from, such as `assemblyAi` of `@gatewright/providers`. */
  readonly source: TranscriptSource;
  /** How long the source may take to answer, in milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  /**
   * How long a call waits for a transcript that is not ready, in milliseconds; default 0: the caller is told at once to come
   * back. It is asked for each second.
   */
  readonly maxWaitMs?: number;
  readonly cache?: TranscriptCacheOptions;
  /** Told where a source answered what it was not asked for. It should wake somebody: callers see a 500. */
  readonly onMismatch?: (mismatch: TranscriptMismatch) => void;
  readonly clock: Clock;
}

/** How long, and how many, completed transcripts are kept, each for the caller that it was found for. */
export interface TranscriptCacheOptions {
  /** In milliseconds; default 60,000. As long may one that was deleted be used. 0: not at all. */
  readonly ttlMs?: number;
  /** The most memory that they take together, in bytes; default 64 MiB. A larger one is not kept. */
  readonly maxBytes?: number;
}

/** A record that is not the one asked for, or not the caller's. Its text is not in here. */
export interface TranscriptMismatch {
  readonly asked: { readonly id: string; readonly caller: string };
  readonly answered: { readonly id: string; readonly owner: string | undefined };
}

/**
 * A completed transcript for a call, or the `GatewayError` that says why there is none. One look-up at a time for a caller
 * and id. Throws a `TypeError` for a bad option.
 */
export function transcriptLookup(
  part: string,
  { source, timeoutMs = 10_000, maxWaitMs = 0, cache = {}, onMismatch, clock }: TranscriptLookupOptions,
): (id: string, call: Call) => Promise<Transcript> {
  if (typeof source !== "function") throw new TypeError(`${part}: source must be a function.`);
  numberIn(part, "timeoutMs", timeoutMs, 1, MAX_DELAY_MS);
  numberIn(part, "maxWaitMs", maxWaitMs, 0, 3_600_000);
  const ttlMs = numberIn(part, "cache.ttlMs", cache.ttlMs ?? 60_000, 0, 24 * 60 * 60 * 1000);
  const maxBytes = numberIn(part, "cache.maxBytes", cache.maxBytes ?? 64 * 1024 * 1024, 0, 2 ** 40);

  const done = new TranscriptCache(ttlMs, maxBytes, clock);
  // Apart, so that any number of ids that lead nowhere pushes no transcript out.
  const other = new TranscriptCache(ASK_AGAIN_MS, OTHER_BYTES, clock);
  const flights = new Flights<Transcript | undefined>();

  const ask = async (id: string, call: Call, stop: AbortController): Promise<Transcript | undefined> => {
    const late = (): void => stop.abort(unavailable(`They have taken more than ${timeoutMs} ms.`));
    const cancel = clock.after(timeoutMs, late);
    const { signal } = stop;
    try {
      const answer = await unlessAborted((async () => source(id, { ...call, signal }))(), signal);
      return checked(answer, id, callerId(call), onMismatch);
    } catch (thrown) {
      throw signal.aborted ? signal.reason : sourceFailure(thrown);
    } finally {
      cancel();
    }
  };

  const find = async (id: string, call: Call): Promise<Transcript | undefined> => {
    // An id has no space, so no two pairs have the same name.
    const name = `${id} ${callerId(call)}`;
    const kept = done.get(name) ?? other.get(name);
    if (kept) return kept.found;
    if (flights.isFull(name)) throw unavailable("Too many are being asked for.");
    return flights.join(name, call.signal, async (stop) => {
      const found = await ask(id, call, stop);
      const isDone = found?.status === "completed";
      (isDone ? done : other).set(name, found);
      return found;
    });
  };

  return async (id, call) => {
    const giveUpAt = Math.min(clock.now() + maxWaitMs, call.context.get(deadline));
    for (;;) {
      const found = await find(id, call);
      if (!isPending(found) || clock.now() + ASK_AGAIN_MS > giveUpAt) return completed(found);
      await pause(ASK_AGAIN_MS, clock, call.signal);
    }
  };
}

/** How much is kept of answers that are no completed transcripts, in bytes. */
const OTHER_BYTES = 1024 * 1024;

/** What a source answered, without fields that are not known. Throws where it is no transcript, or not the one asked for. */
function checked(
  answer: unknown,
  id: string,
  caller: string,
  onMismatch: TranscriptLookupOptions["onMismatch"],
): Transcript | undefined {
  if (answer === undefined || answer === null) return undefined;
  const found = readTranscript(answer);
  if (!found) throw new TypeError("The transcript source answered something that is not a transcript.");
  const { owner } = found;
  if (found.id === id && (owner === undefined || owner === caller)) return found;
  const mismatch: TranscriptMismatch = { asked: { id, caller }, answered: { id: found.id, owner } };
  if (onMismatch) tell(onMismatch, mismatch);
  const cause = new Error(`The transcript source answered another transcript: ${JSON.stringify(mismatch)}`);
  throw new GatewayError("llm.internal", "The gateway failed to handle this call.", { cause });
}
