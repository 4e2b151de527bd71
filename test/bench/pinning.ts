import { type ForkOptions, spawnSync } from "node:child_process";

const TASKSET = "taskset";

/** The core of each process. */
export interface Cores {
  readonly server: string;
  readonly client: string;
  readonly provider: string;
}

/**
 * Cores for pinning: one for the server alone, and another for the client, which the provider shares where there are
 * only two. `undefined` where processes cannot be pinned, or where there is one core.
 */
export function coresToPin(): Cores | undefined {
  const { stdout, status } = spawnSync(TASKSET, ["-cp", String(process.pid)], { encoding: "utf8" });
  if (status !== 0) return undefined;
  const usable = (/list: (.*)/.exec(stdout)?.[1] ?? "").split(",").flatMap(coresOf);
  const [client, server, provider = client] = usable;
  if (client === undefined || server === undefined || provider === undefined) return undefined;
  return { server, client, provider };
}

/** How to start a process on one core; on any where none is named. */
export function pinnedTo(core: string | undefined): ForkOptions {
  return core === undefined ? {} : { execPath: TASKSET, execArgv: ["-c", core, process.execPath] };
}

/** taskset(1) prints ranges such as `0-3`. */
function coresOf(range: string): string[] {
  const [first = Number.NaN, last = first] = range.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, at) => String(first + at));
}
