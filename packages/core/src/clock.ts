/** Time, so that tests need not wait for it. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `callback` once, `delayMs` milliseconds from now. The returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The longest delay that Node's timers hold; a longer one would fire at once. About 25 days. */
export const MAX_DELAY_MS: number = 2 ** 31 - 1;

/** The real time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};
