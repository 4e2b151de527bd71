import type { Clock } from "../clock.ts";
import type { Transcript } from "./transcript.ts";

interface Kept {
  readonly found: Transcript | undefined;
  readonly bytes: number;
  readonly until: number;
}

/** What was set in one stretch of time, and is let go together. */
interface Generation {
  readonly kept: Map<string, Kept>;
  /** When the next one begins, at the latest. */
  readonly closesAt: number;
  bytes: number;
  /** When all of it is over: its last one is the last to be. */
  until: number;
}

/**
 * Answers of a transcript source, kept for a time and within a size. They are kept in two generations: when the young one
 * has half the size or 10,000 answers, or is as old as its first answer may get, it becomes the old one, whose own answers are let go. So no
 * answer is searched for to be let go, and none that is over stays for long.
 */
export class TranscriptCache {
  readonly #ttlMs: number;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  #young: Generation;
  #old: Generation;

  constructor(ttlMs: number, maxBytes: number, clock: Clock) {
    this.#ttlMs = ttlMs;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
    this.#young = this.#generation();
    this.#old = this.#generation();
  }

  /** How much is kept, in bytes. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  get(name: string): { readonly found: Transcript | undefined } | undefined {
    this.#letGo();
    const kept = this.#young.kept.get(name) ?? this.#old.kept.get(name);
    return kept && this.#clock.now() < kept.until ? kept : undefined;
  }

  set(name: string, found: Transcript | undefined): void {
    for (const generation of [this.#young, this.#old]) remove(generation, name);
    this.#letGo();
    const bytes = 2 * name.length + sizeOf(found);
    if (bytes > this.#maxBytes || this.#ttlMs === 0) return;
    const { kept, bytes: taken } = this.#young;
    if (taken > 0 && (taken + bytes > this.#maxBytes / 2 || kept.size >= MOST_EACH)) this.#age();
    // One alone may have more than half.
    if (this.bytes + bytes > this.#maxBytes) this.#old = this.#generation();
    const until = this.#clock.now() + this.#ttlMs;
    this.#young.kept.set(name, { found, bytes, until });
    this.#young.bytes += bytes;
    this.#young.until = until;
  }

  /** Lets go of what is over. */
  #letGo(): void {
    const now = this.#clock.now();
    if (now >= this.#young.closesAt) this.#age();
    if (this.#old.bytes > 0 && now >= this.#old.until) this.#old = this.#generation();
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = this.#generation();
  }

  #generation(): Generation {
    const now = this.#clock.now();
    return { kept: new Map(), closesAt: now + this.#ttlMs, bytes: 0, until: now };
  }
}

function remove(generation: Generation, name: string): void {
  generation.bytes -= generation.kept.get(name)?.bytes ?? 0;
  generation.kept.delete(name);
}

/** How many a generation has at the most: a larger map grows in steps that hold up everything else. */
const MOST_EACH = 10_000;

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
