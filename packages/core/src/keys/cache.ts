import type { Clock } from "../clock.ts";
import { GatewayError } from "../error.ts";
import { numberIn, wholeIn } from "../options.ts";
import { RecentMap } from "../recent-map.ts";
import { type KeyRecord, type KnownKey, readRecord } from "./record.ts";

/**
 * Finds what is known of a key by the hex digits of its SHA-256, such as in a database; `undefined` where there is none.
 * An answer that is a promise is cached, any other is asked for at each call. The signal aborts when it takes too long.
 */
export type KeyLookup = (sha256: string, signal: AbortSignal) => KeyRecord | undefined | Promise<KeyRecord | undefined>;

/** How long the answers of a look-up are kept. */
export interface KeyCacheOptions {
  /** How many keys are kept, and apart from them how many hashes of wrong keys; default 10,000 each. */
  readonly maxEntries?: number;
  /** How long a key is used without asking again, in milliseconds; default 60,000. As long may a revoked one pass. */
  readonly ttlMs?: number;
  /** How long a hash that is no key's is refused without asking again, in milliseconds; default 10,000. */
  readonly missTtlMs?: number;
  /** How much longer a key is used while the look-up fails or is overloaded, in milliseconds; default 300,000. */
  readonly staleMs?: number;
}

/** What is known of the key with this SHA-256, in hex. */
export type KeySource = (sha256: string) => KnownKey | undefined | Promise<KnownKey | undefined>;

interface Hit {
  readonly known: KnownKey;
  readonly freshUntil: number;
  /** After a look-up that failed: until when nobody asks again. */
  restUntil: number;
}

/**
 * A look-up with its cache: one look-up at a time for a hash, and not too many for all. Throws and rejects with
 * `llm.auth.unavailable` where it fails and there is nothing to fall back on; a `TypeError` for a bad option.
 */
export function cachedLookup(
  lookup: KeyLookup,
  options: KeyCacheOptions,
  lookupTimeoutMs: number,
  clock: Clock,
): KeySource {
  const maxEntries = wholeIn("auth", "cache.maxEntries", options.maxEntries ?? 10_000, 1, 10_000_000);
  const ttlMs = numberIn("auth", "cache.ttlMs", options.ttlMs ?? 60_000, 0, DAY_MS);
  const missTtlMs = numberIn("auth", "cache.missTtlMs", options.missTtlMs ?? 10_000, 0, DAY_MS);
  const staleMs = numberIn("auth", "cache.staleMs", options.staleMs ?? 300_000, 0, DAY_MS);

  // Apart from each other, so that any number of wrong keys pushes no good one out.
  const hits = new RecentMap<Hit>(maxEntries);
  const misses = new RecentMap<number>(maxEntries);
  const running = new Map<string, Promise<KnownKey | undefined>>();

  /** What is still good where a look-up is not. */
  const fallBack = (sha256: string, cause: unknown): KnownKey => {
    const hit = hits.get(sha256);
    if (!hit || clock.now() >= hit.freshUntil + staleMs) throw unavailable(cause);
    hit.restUntil = clock.now() + REST_MS;
    return hit.known;
  };

  const settle = async (
    sha256: string,
    answer: Promise<KeyRecord | undefined>,
    tooLong: AbortController,
  ): Promise<KnownKey | undefined> => {
    try {
      const known = checkedAnswer(await within(lookupTimeoutMs, answer, tooLong, clock));
      if (known) {
        misses.delete(sha256);
        hits.set(sha256, { known, freshUntil: clock.now() + ttlMs, restUntil: 0 });
      } else {
        hits.delete(sha256);
        misses.set(sha256, clock.now() + missTtlMs);
      }
      return known;
    } catch (cause) {
      return fallBack(sha256, cause);
    } finally {
      running.delete(sha256);
    }
  };

  return (sha256) => {
    const now = clock.now();
    const hit = hits.get(sha256);
    if (hit && (now < hit.freshUntil || (now < hit.restUntil && now < hit.freshUntil + staleMs))) return hit.known;
    if (now < (misses.get(sha256) ?? 0)) return undefined;
    const shared = running.get(sha256);
    if (shared) return shared;
    // A key that is known is asked for all the same: else wrong ones could keep one alive that is revoked.
    if (running.size >= MAX_RUNNING && !hit)
      return fallBack(sha256, new Error(`${MAX_RUNNING} look-ups are under way.`));
    try {
      const tooLong = new AbortController();
      const answer = lookup(sha256, tooLong.signal);
      if (!isPromise(answer)) return checkedAnswer(answer);
      const settled = settle(sha256, answer, tooLong);
      running.set(sha256, settled);
      return settled;
    } catch (cause) {
      return fallBack(sha256, cause);
    }
  };
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** How many look-ups may be under way at once. */
const MAX_RUNNING = 256;
/** How long a look-up that failed is spared, where there is an older answer. */
const REST_MS = 1000;
const RETRY_AFTER_MS = 1000;

function unavailable(cause: unknown): GatewayError {
  const message = "API keys cannot be checked at the moment. Send the call again in a moment.";
  return new GatewayError("llm.auth.unavailable", message, { retryAfterMs: RETRY_AFTER_MS, cause });
}

function isPromise(answer: ReturnType<KeyLookup>): answer is Promise<KeyRecord | undefined> {
  // Whatever it is, it may be asked for that; databases answer promises of their own kind.
  return typeof (answer as { then?: unknown } | undefined | null)?.then === "function";
}

/** What a look-up answered, checked; databases say `null` for nothing. */
function checkedAnswer(answer: KeyRecord | undefined | null): KnownKey | undefined {
  return answer === undefined || answer === null ? undefined : readRecord(answer, "auth", "the record of a look-up");
}

/** What a promise gives, unless that takes too long: then it is aborted, and nobody listens to it any more. */
function within<T>(ms: number, promise: Promise<T>, tooLong: AbortController, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      const reason = new Error(`The look-up has taken more than ${ms} ms.`);
      tooLong.abort(reason);
      reject(reason);
    });
    promise.then(resolve, reject).then(cancel);
  });
}
