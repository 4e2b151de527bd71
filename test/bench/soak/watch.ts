import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How a process is, since it was last asked. */
export interface Pulse {
  readonly heapMb: number;
  readonly rssMb: number;
  /** How late the event loop was at the worst, in milliseconds. */
  readonly loopDelayMs: number;
  /** The share of the time in which the event loop was at work. */
  readonly busy: number;
  /** Rejections nobody handled, exceptions nobody caught and warnings, since the process started. */
  readonly troubles: number;
}

/** What a process holds when it has nothing to do. */
export interface Rest {
  /** After its garbage was collected. */
  readonly heapMb: number;
  /** Sockets, timers and whatever else keeps it going, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** The first troubles, in full. */
  readonly troubles: readonly string[];
}

export interface Watch {
  pulse(): Pulse;
  rest(): Promise<Rest>;
}

const MIB = 1024 ** 2;
const RESOLUTION_MS = 10;
const MOST_TROUBLES = 20;

/** Watches this process from now on. What nobody handles is noted, and the process goes on. */
export function watch(): Watch {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let utilization = performance.eventLoopUtilization();
  let count = 0;
  const troubles: string[] = [];
  const note = (what: string, thrown: unknown): void => {
    count++;
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    if (troubles.length < MOST_TROUBLES) troubles.push(`${what}: ${text}`);
  };
  process.on("uncaughtException", (error) => note("uncaught exception", error));
  process.on("unhandledRejection", (reason) => note("unhandled rejection", reason));
  process.on("warning", (warning) => note("warning", warning));

  return {
    pulse() {
      const { heapUsed, rss } = process.memoryUsage();
      const now = performance.eventLoopUtilization();
      const busy = performance.eventLoopUtilization(now, utilization).utilization;
      utilization = now;
      const loopDelayMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
      delay.reset();
      return { heapMb: heapUsed / MIB, rssMb: rss / MIB, loopDelayMs, busy, troubles: count };
    },
    async rest() {
      // What one run finalizes, the next collects.
      for (let run = 0; run < 4; run++) {
        collectGarbage();
        await pause(50);
      }
      const resources: Record<string, number> = {};
      for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
      return { heapMb: process.memoryUsage().heapUsed / MIB, resources, troubles };
    },
  };
}

/** V8's own function, without the flag on the command line; called so, it also lets go of code that can be compiled anew. */
const collectGarbage: () => void = (() => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void;
  return () => collect({ type: "major", flavor: "last-resort" });
})();
