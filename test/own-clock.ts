import type { Clock } from "@gatewright/core";

/** A clock that knows how many of the callbacks wait that were asked for here, and not of the clock below. */
export interface OwnClock extends Clock {
  readonly waiting: number;
  /** Cancels what still waits: a timer that was left behind must not keep the tests running. */
  stop(): void;
}

export function ownClock(clock: Clock): OwnClock {
  const waiting = new Map<object, () => void>();
  return {
    now: () => clock.now(),
    after(delayMs, callback) {
      const timer = {};
      const cancel = clock.after(delayMs, () => {
        waiting.delete(timer);
        callback();
      });
      waiting.set(timer, cancel);
      return () => {
        waiting.delete(timer);
        cancel();
      };
    },
    get waiting() {
      return waiting.size;
    },
    stop() {
      for (const cancel of waiting.values()) cancel();
      waiting.clear();
    },
  };
}
