import { pause, unlessAborted } from "../abort.ts";
import { type Call, createCall } from "../call.ts";
import { callerId } from "../caller.ts";
import { type Clock, MAX_DELAY_MS } from "../clock.ts";
import { contextKey } from "../context.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import { noteLookup } from "../notes.ts";
import { numberIn } from "../options.ts";
import { tell } from "../tell.ts";
import { TranscriptCache } from "./cache.ts";
import { ASK_AGAIN_MS, completed, isPending, sourceFailure, tooMany, unavailable } from "./errors.ts";
import { Flights } from "./flights.ts";
import { Shares } from "./shares.ts";
import { isFor, readTranscript, type Transcript, type TranscriptSource } from "./transcript.ts";

/** How a transcript source is asked, and what is kept of its answers. */
export interface TranscriptLookupOptions {
  /** Where transcripts come from, such as `assemblyAi` of `@gatewright/providers`. */
  readonly source: TranscriptSource;
  /** How long the source may take to answer, in milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  /**
   * How long a call waits for a transcript that is not ready, in milliseconds; default 0: the caller is told at once to come
   * back. It is asked for after 1 s, 2 s more, and so on, in the end each 5 s, until a second before the call's deadline. Of
   * one caller 32 wait at once, and 1,024 of all; who is one more is told at once.
   */
  readonly maxWaitMs?: number;
  readonly cache?: TranscriptCacheOptions;
  /** Told where a source answered what it was not asked for. It should wake somebody: callers see a 500. */
  readonly onMismatch?: (mismatch: TranscriptMismatch) => void;
  readonly clock: Clock;
}

/**
 * How long, and how many, completed transcripts are kept, each for the caller that it was found for. None is where neither
 * `auth` nor an address tells who calls.
 */
export interface TranscriptCacheOptions {
  /** In milliseconds; default 60,000. As long may one that was deleted be used. 0: not at all. */
  readonly ttlMs?: number;
  /** The most memory that they take together, in bytes; default 64 MiB. A larger one is not kept, nor are more than 20,000. */
  readonly maxBytes?: number;
}

/** A record that is not the one asked for, or not the caller's. Its text is not in here, and of long names the beginning. */
export interface TranscriptMismatch {
  readonly asked: { readonly id: string; readonly caller: string };
  readonly answered: { readonly id: string; readonly owner: string | undefined };
}

/**
 * A completed transcript for a call, or the `GatewayError` that says why there is none; `path` is the field that it names.
 * One look-up at a time for a caller and id. Throws a `TypeError` for a bad option.
 */
export function transcriptLookup(
  part: string,
  { source, timeoutMs = 10_000, maxWaitMs = 0, cache = {}, onMismatch, clock }: TranscriptLookupOptions,
): (id: string, call: Call, path: string) => Promise<Transcript> {
  if (typeof source !== "function") throw new TypeError(`${part}: source must be a function.`);
  numberIn(part, "timeoutMs", timeoutMs, 1, MAX_DELAY_MS);
  numberIn(part, "maxWaitMs", maxWaitMs, 0, 3_600_000);
  const ttlMs = numberIn(part, "cache.ttlMs", cache.ttlMs ?? 60_000, 0, 24 * 60 * 60 * 1000);
  const maxBytes = numberIn(part, "cache.maxBytes", cache.maxBytes ?? 64 * 1024 * 1024, 0, 2 ** 40);

  const done = new TranscriptCache(ttlMs, maxBytes, clock);
  // Apart, so that any number of ids that lead nowhere pushes no transcript out; and for less time than a call waits between
  // two look-ups, for its timer may be early, and it must not find its own answer.
  const other = new TranscriptCache(ASK_AGAIN_MS / 2, OTHER_BYTES, clock);
  const flights = new Flights<Transcript | undefined>();
  const waiting = new Shares(MOST_WAITING, MOST_WAITING_EACH);
  /** What a call without a known caller has instead of one. */
  const stranger = contextKey<string | undefined>("who looks transcripts up", undefined);
  let strangers = 0;

  const ask = async (id: string, call: Call, stop: AbortController): Promise<Transcript | undefined> => {
    const late = (): void => stop.abort(unavailable(`They have taken more than ${timeoutMs} ms.`));
    const cancel = clock.after(timeoutMs, late);
    const { signal } = stop;
    try {
      const answer = await unlessAborted((async () => source(id, { ...call, signal }))(), signal);
      return checked(answer, id, call, onMismatch);
    } catch (thrown) {
      throw sourceFailure(thrown);
    } finally {
      cancel();
    }
  };

  const kept = (name: string): ReturnType<TranscriptCache["get"]> => done.get(name) ?? other.get(name);

  /** Whose answers a call may share, where that is known: all who are not known would share one name. */
  const ownerOf = (call: Call): string | undefined => {
    const id = callerId(call);
    return id === NOBODY ? undefined : id;
  };

  const nameOf = (id: string, owner: string | undefined, { context }: Call): string => {
    // An id has no space, so no two pairs have the same name.
    if (owner !== undefined) return `${id} ${owner}`;
    const own = context.get(stranger) ?? `stranger ${++strangers}`;
    context.set(stranger, own);
    return `${id} ${own}`;
  };

  const find = async (id: string, owner: string | undefined, call: Call): Promise<Transcript | undefined> => {
    call.signal.throwIfAborted();
    const name = nameOf(id, owner, call);
    const known = kept(name);
    if (known) return known.found;
    if (flights.isFull(name, owner)) throw tooMany();
    return flights.join(name, owner, call.signal, async (stop) => {
      const found = await ask(id, call, stop);
      if (owner === undefined) return found;
      const isDone = found?.status === "completed";
      (isDone ? done : other).set(name, found);
      return found;
    });
  };

  /** Asks again and again for what is not ready, until it is or the time is over. */
  const wait = async (
    id: string,
    owner: string | undefined,
    call: Call,
    until: number,
  ): Promise<Transcript | undefined> => {
    for (let gap = ASK_AGAIN_MS; ; gap = Math.min(2 * gap, MAX_GAP_MS)) {
      await pause(Math.min(gap, until - clock.now()), clock, call.signal);
      const found = await find(id, owner, call);
      if (!isPending(found) || until - clock.now() < ASK_AGAIN_MS) return found;
    }
  };

  return async (id, call, path) => {
    const owner = ownerOf(call);
    noteLookup(call, part, kept(nameOf(id, owner, call)) !== undefined);
    // What is found just before the deadline is of no use: a model is still to be asked.
    const until = Math.min(clock.now() + maxWaitMs, call.context.get(deadline) - ASK_AGAIN_MS);
    const found = await find(id, owner, call);
    const mayWait = until - clock.now() >= ASK_AGAIN_MS && waiting.hasRoom(owner);
    if (!isPending(found) || !mayWait) return completed(found, path);
    waiting.take(owner);
    try {
      return completed(await wait(id, owner, call, until), path);
    } finally {
      waiting.giveBack(owner);
    }
  };
}

/** What stands for a caller without a name and an address. */
const NOBODY = callerId(createCall());

/** How many calls may wait at once for transcripts that are not ready, and how many of one caller. */
const MOST_WAITING = 1024;
const MOST_WAITING_EACH = 32;

/** How long a call that waits lets pass between two look-ups, at the most. */
const MAX_GAP_MS = 5000;

/** How much is kept of answers that are no completed transcripts, in bytes. */
const OTHER_BYTES = 1024 * 1024;

/** What a source answered, without fields that are not known. Throws where it is no transcript, or not the one asked for. */
function checked(
  answer: unknown,
  id: string,
  call: Call,
  onMismatch: TranscriptLookupOptions["onMismatch"],
): Transcript | undefined {
  if (answer === undefined || answer === null) return undefined;
  const found = readTranscript(answer);
  if (!found) throw new TypeError("The transcript source answered something that is not a transcript.");
  if (found.id === id && isFor(found, call)) return found;
  // A source may find ids without regard to case, such as a file system. What is asked for is not there.
  if (found.id !== id && found.id.toLowerCase() === id.toLowerCase()) return undefined;
  const answered = { id: found.id.slice(0, MAX_ID_CHARS), owner: found.owner?.slice(0, MAX_OWNER_CHARS) };
  const mismatch: TranscriptMismatch = { asked: { id, caller: callerId(call) }, answered };
  if (onMismatch) tell(onMismatch, mismatch);
  const cause = new Error(`The transcript source answered another transcript: ${JSON.stringify(mismatch)}`);
  throw new GatewayError("llm.internal", "The gateway failed to handle this call.", { cause });
}

/** How much is told of names that a source has made up. */
const MAX_ID_CHARS = 64;
const MAX_OWNER_CHARS = 128;
