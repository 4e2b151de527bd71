import type { Ratio } from "./aims.ts";
import { limits, type Results, type Turn } from "./measure.ts";
import { contenders } from "./servers.ts";
import { median } from "./statistics.ts";
import { table } from "./table.ts";

/** The results as a table: of each number the median of its rounds. */
export function resultTable(results: Results): string {
  const columns = [
    "",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/request",
    "streams/s",
    "p50 ms/stream",
    "CPU ms/stream",
    "CPU ms/paced stream",
    "peak RSS MB",
  ];
  const rows = Object.entries(results).map(([name, { completions, streams, "paced streams": paced }]) => [
    title(name),
    medianOf(completions, "perSecond").toFixed(0),
    medianOf(completions, "p50Ms").toFixed(2),
    medianOf(completions, "p99Ms").toFixed(2),
    medianOf(completions, "cpuMs").toFixed(3),
    medianOf(streams, "perSecond").toFixed(0),
    medianOf(streams, "p50Ms").toFixed(1),
    medianOf(streams, "cpuMs").toFixed(3),
    medianOf(paced, "cpuMs").toFixed(2),
    Math.max(...paced.map((turn) => turn.peakRssMb)).toFixed(0),
  ]);
  return table(columns, rows);
}

/** The ratios as a table, each with its spread over the rounds and, where it has one, its aim. */
export function ratioTable(ratios: readonly Ratio[]): string {
  const rows = ratios.map(({ server, base, kind, of, median: middle, range, atLeast, atMost, verdict = "" }) => [
    `${title(server)} / ${title(base)}`,
    of === "cpuMs" ? `CPU, ${kind}` : `${kind}/s`,
    middle.toFixed(2),
    range.map((value) => value.toFixed(2)).join("–"),
    atLeast !== undefined ? `≥ ${atLeast}` : atMost !== undefined ? `≤ ${atMost}` : "",
    verdict,
  ]);
  return table(["", "of", "ratio", "in rounds", "aim", ""], rows);
}

/** What makes the numbers less than they seem, a sentence each. */
export function doubts(results: Results, loadAverage: number): string[] {
  const idle = (["completions", "streams"] as const).flatMap((kind) => {
    const servers = Object.entries(results)
      .filter(([name, turns]) => name !== "provider" && turns[kind].filter(limits).length < turns[kind].length / 2)
      .map(([name, turns]) => `${title(name)} (busy ${(medianOf(turns[kind], "busy") * 100).toFixed(0)} %)`);
    return servers.length > 0 ? `${kind}/s were not limited by ${servers.join(", ")}: compare CPU time.` : [];
  });
  const disturbed = `The machine was not idle before the run: load average ${loadAverage.toFixed(2)}.`;
  return loadAverage > 0.5 ? [...idle, disturbed] : idle;
}

function title(name: string): string {
  return contenders[name]?.title ?? name;
}

function medianOf(turns: readonly Turn[], of: keyof Turn): number {
  return median(turns.map((turn) => turn[of]));
}
