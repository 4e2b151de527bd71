import type { Machine } from "../machine.ts";
import { table } from "../table.ts";
import type { ClientResult } from "./client.ts";
import type { Check } from "./judge.ts";
import { plot } from "./plot.ts";
import type { Load, Sample } from "./run.ts";
import type { Failure } from "./tally.ts";

/** All there is to know of a soak. */
export interface Report {
  readonly machine: Machine;
  readonly load: Load;
  readonly seed: number;
  readonly checks: readonly Check[];
  readonly samples: readonly Sample[];
  readonly result: ClientResult | undefined;
  /** How busy the busiest process was, as a share of the time. */
  readonly busy: number;
  /** How often a circuit opened. */
  readonly opened: number;
  /** What was noted of things that nobody handled. */
  readonly troubles: readonly string[];
}

/** What is shown over time. */
export const series: readonly {
  readonly title: string;
  readonly unit: string;
  readonly of: (sample: Sample) => number;
}[] = [
  { title: "Heap of the gateway", unit: "MiB", of: ({ heapMb }) => heapMb },
  { title: "Event-loop delay of the gateway, worst of each second", unit: "ms", of: ({ loopDelayMs }) => loopDelayMs },
  { title: "Open streams", unit: "", of: ({ openStreams }) => openStreams },
];

/** What came of the calls, as cells: a row for each class, the names of the columns first. */
export function outcomeCells({ rows }: ClientResult): string[][] {
  const head = ["", "calls", "whole", "of more than one try", "refused", "error event", "left", "let go", "FAILED"];
  const cells = rows.map((row) => {
    const { name, calls, whole, cured, refused, errorEvents, left, letGo, failed, p50Ms, p99Ms } = row;
    const counts = [calls, whole, cured, refused, errorEvents, left, letGo, failed].map(String);
    return [name, ...counts, p50Ms.toFixed(0), p99Ms.toFixed(0)];
  });
  return [[...head, "p50 ms", "p99 ms"], ...cells];
}

/** What callers were told, and what else there is to count, a sentence each. */
export function notes({ result, opened, samples, busy, load }: Report): string[] {
  if (!result) return [];
  const waited = Math.max(0, ...samples.map(({ waiting }) => waiting));
  const codes = Object.entries(result.codes).map(([code, count]) => `${code} ${count}`);
  return [
    `Errors that callers were told: ${codes.join(", ") || "none"}.`,
    `Circuits opened ${opened} times; ${result.replayed} answers were replayed to a second call with the same key; up to ${waited} calls waited for a slot.`,
    ...(result.lateMs > 100 ? [`Calls were made up to ${result.lateMs.toFixed(0)} ms late.`] : []),
    ...(busy > TOO_BUSY ? [tooSlow(load.rate, busy)] : []),
  ];
}

/** From which share of the time on a process may be what makes calls fail. */
const TOO_BUSY = 0.9;

function tooSlow(rate: number, busy: number): string {
  const share = `${(busy * 100).toFixed(0)} % of the time`;
  return `One of the processes was at work ${share}: this machine is too slow for ${rate} calls a second. Give a lower --rate.`;
}

/** The report for a terminal. */
export function reportText(report: Report): string {
  const { checks, samples, result } = report;
  const [head = [], ...rows] = result ? outcomeCells(result) : [];
  const plots = series.map(({ title, unit, of }) => {
    const lines = plot(samples.map(of), 72, 4);
    return [`${title}${unit && `, ${unit}`}`, ...lines].join("\n");
  });
  const seconds = (samples.at(-1)?.at ?? 0).toFixed(0);
  return [
    ...(rows.length > 0 ? [table(head, rows)] : []),
    ...notes(report),
    ...(samples.length > 1 ? [...plots, `       0 to ${seconds} s`] : []),
    table(
      ["what must hold", "found", ""],
      checks.map(({ name, ok, found }) => [name, found, ok ? "ok" : "FAILED"]),
    ),
    ...(result?.failures ?? []).slice(0, 5).map(failureText),
    ...report.troubles.slice(0, 5),
  ].join("\n\n");
}

function failureText({ wrongs, marker, what, excerpt }: Failure): string {
  return `${marker}: ${wrongs.join(", ")} (${what})\n  … ${excerpt.replaceAll("\n", "\n  ")}`;
}
