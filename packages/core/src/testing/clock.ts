import type { Clock } from "../clock.ts";

export interface FakeClock extends Clock {
  /** Moves the time on and calls back what is due by then, in order. */
  advance(ms: number): Promise<void>;
  /** How many callbacks are waiting: 0 once everything has let go of its timers. */
  readonly waiting: number;
}

/** A clock that stands still until a test moves it. */
export function fakeClock(): FakeClock {
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  let now = 0;
  return {
    now: () => now,
    after(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    get waiting() {
      return timers.size;
    },
    async advance(ms) {
      const until = now + ms;
      await settled();
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due);
        now = due.at;
        due.callback();
        await settled();
      }
      now = until;
    },
  };
}

/** Lets everything that is ready run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
