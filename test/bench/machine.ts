import { availableParallelism, cpus, loadavg } from "node:os";

/** What a run was made on. */
export interface Machine {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  /** Of the last minute, before the run. */
  readonly loadAverage: number;
}

export function machine(): Machine {
  return {
    node: process.version,
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    loadAverage: loadavg()[0] ?? Number.NaN,
  };
}
