import type { Clock } from "@gatewright/core";

/** In how many parts the time is counted that an answer may take. */
const PARTS = 10;

interface Waiting {
  readonly since: number;
  readonly giveUp: () => void;
}

/**
 * Waits for answers for a time in which this process could have read them. It is counted in parts, and one that takes longer
 * because the process was busy counts as one: its own delay is none of Redis. One timer serves all that wait.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #partMs: number;
  readonly #waiting = new Set<Waiting>();
  #parts = 0;
  #stop: (() => void) | undefined;

  constructor(timeoutMs: number, clock: Clock) {
    this.#clock = clock;
    this.#partMs = timeoutMs / PARTS;
  }

  /** Calls `giveUp` when the time is over, unless the returned function is called before. */
  wait(giveUp: () => void): () => void {
    const waiting = { since: this.#parts, giveUp };
    this.#waiting.add(waiting);
    this.#stop ??= this.#next();
    return () => {
      this.#waiting.delete(waiting);
      if (this.#waiting.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  #next(): () => void {
    return this.#clock.after(this.#partMs, () => {
      this.#parts++;
      this.#stop = this.#next();
      // An answer that is there and unread is read before this is called.
      setImmediate(() => this.#giveUp());
    });
  }

  #giveUp(): void {
    // In the order in which they began to wait.
    for (const { since, giveUp } of this.#waiting) {
      if (this.#parts - since < PARTS) return;
      giveUp();
    }
  }
}
