import type { Clock, Draw } from "@gatewright/core";
import type { Shard } from "./keys.ts";

/** What a gateway knows of the data of a shard. */
interface Epoch {
  /** What marks it. */
  readonly name: string;
  /** By the gateway's clock, the moment at which it began; for the first that is seen, long ago. */
  readonly beganAt: number;
}

/** The longest time for which data that is new is not counted on, in milliseconds. */
const MAX_DOUBT_MS = 10 * 60 * 1000;

/**
 * Notices that Redis has lost its data, as after a restart without persistence: each shard has a marker, made with the data
 * and lost with it. What was taken before is forgotten then, so until a period has passed the local shares decide on: that
 * way at most twice a limit passes over an outage, once by the old data and once by the shares of all gateways.
 */
export class Epochs {
  readonly #known = new Map<Shard, Epoch>();
  readonly #onLost: () => void;
  readonly #clock: Clock;
  readonly #doubting: boolean;
  #toldAt = Number.NEGATIVE_INFINITY;
  #troubleAt = Number.POSITIVE_INFINITY;

  /** `doubting`: whether new data is not counted on until it is old enough. */
  constructor(onLost: () => void, clock: Clock, doubting = true) {
    this.#doubting = doubting;
    this.#onLost = onLost;
    this.#clock = clock;
  }

  /** The marker that is known; empty where none is. */
  name(shard: Shard): string {
    return this.#known.get(shard)?.name ?? "";
  }

  /** Whether the counts of these draws are too new to be counted on. */
  doubts(shard: Shard, draws: readonly Draw[]): boolean {
    const epoch = this.#known.get(shard);
    if (!epoch || !this.#doubting) return false;
    const age = this.#clock.now() - epoch.beganAt;
    return age < MAX_DOUBT_MS && draws.some(({ rate }) => age < rate.periodMs);
  }

  /**
   * The first that is seen is trusted, as nothing is known that it could have lost; unless it began after Redis was in
   * trouble, when it may have.
   */
  first(shard: Shard, name: string, ageMs: number): void {
    if (this.#known.has(shard)) return;
    const beganAt = this.#clock.now() - ageMs;
    this.#known.set(shard, { name, beganAt: beganAt >= this.#troubleAt ? beganAt : Number.NEGATIVE_INFINITY });
  }

  /** Redis is in trouble from now on: what it knows may be lost, unless it was never seen to know anything. */
  trouble(): void {
    if (this.#known.size > 0) this.#troubleAt = Math.min(this.#troubleAt, this.#clock.now());
  }

  /** Another one than was known: all that was counted before it is gone. */
  lost(shard: Shard, name: string, ageMs: number): void {
    const now = this.#clock.now();
    this.#known.set(shard, { name, beganAt: now - ageMs });
    // Each shard finds out for itself; for who reads the log it is one loss.
    if (now - this.#toldAt < MAX_DOUBT_MS) return;
    this.#toldAt = now;
    this.#onLost();
  }
}
