import type { Clock } from "../clock.ts";
import type { Transcript } from "./transcript.ts";

interface Kept {
  readonly found: Transcript | undefined;
  readonly bytes: number;
  readonly until: number;
}

/** Answers of a transcript source, kept for a time and within a size. Past it, those that came first go first. */
export class TranscriptCache {
  readonly #ttlMs: number;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  /** A map keeps the order of insertion, which is the one of expiry. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(ttlMs: number, maxBytes: number, clock: Clock) {
    this.#ttlMs = ttlMs;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /** How much is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get(name: string): { readonly found: Transcript | undefined } | undefined {
    const kept = this.#kept.get(name);
    return kept && this.#clock.now() < kept.until ? kept : undefined;
  }

  set(name: string, found: Transcript | undefined): void {
    this.#delete(name);
    const now = this.#clock.now();
    const bytes = 2 * name.length + sizeOf(found);
    if (bytes > this.#maxBytes) return;
    this.#kept.set(name, { found, bytes, until: now + this.#ttlMs });
    this.#bytes += bytes;
    for (const [oldest, { until }] of this.#kept) {
      if (now < until && this.#bytes <= this.#maxBytes) break;
      this.#delete(oldest);
    }
  }

  #delete(name: string): void {
    this.#bytes -= this.#kept.get(name)?.bytes ?? 0;
    this.#kept.delete(name);
  }
}

/** What an object costs beside its text, in bytes: about. */
const PER_ENTRY = 256;
const PER_UTTERANCE = 96;

/** About how much memory a transcript takes, in bytes. */
function sizeOf(found: Transcript | undefined): number {
  if (!found) return PER_ENTRY;
  const { text, error, utterances } = found;
  const own = PER_ENTRY + 2 * ((text?.length ?? 0) + (error?.length ?? 0));
  return (utterances ?? []).reduce((sum, { text, speaker }) => {
    return sum + PER_UTTERANCE + 2 * (text.length + (speaker?.length ?? 0));
  }, own);
}
