import type { Kind } from "./calls.ts";
import { limits, type Results } from "./measure.ts";
import { median } from "./statistics.ts";

/** Two servers to compare, and what is hoped of the ratio. */
interface Comparison {
  readonly server: string;
  readonly base: string;
  readonly kind: Kind;
  readonly of: "perSecond" | "cpuMs";
  readonly atLeast?: number;
  readonly atMost?: number;
}

const comparisons: readonly Comparison[] = [
  { server: "toNode", base: "bare", kind: "completions", of: "perSecond", atLeast: 0.9 },
  ...costOf("watched", "toNode", { atLeast: 0.95 }),
  ...costOf("written", "toNode", { atLeast: 0.88 }),
  ...costOf("usualWatched", "usual", { atLeast: 0.95 }),
  ...costOf("usualWritten", "usual", { atLeast: 0.88 }),
  { server: "toExpress", base: "express", kind: "completions", of: "perSecond", atLeast: 1.1 },
  { server: "toKoa", base: "koa", kind: "completions", of: "perSecond", atLeast: 0.95 },
  { server: "toNode", base: "bare", kind: "completions", of: "cpuMs" },
  { server: "toExpress", base: "express", kind: "completions", of: "cpuMs" },
  { server: "toKoa", base: "koa", kind: "completions", of: "cpuMs" },
  { server: "toNode", base: "bare", kind: "streams", of: "cpuMs", atMost: 1.3 },
  { server: "toExpress", base: "bare", kind: "streams", of: "cpuMs", atMost: 1.3 },
  { server: "toKoa", base: "bare", kind: "streams", of: "cpuMs", atMost: 1.3 },
  { server: "toNode", base: "bare", kind: "paced streams", of: "cpuMs", atMost: 1.3 },
  { server: "toExpress", base: "bare", kind: "paced streams", of: "cpuMs", atMost: 1.3 },
  { server: "toKoa", base: "bare", kind: "paced streams", of: "cpuMs", atMost: 1.3 },
];

/** What a server does more than another, in throughput. */
function costOf(server: string, base: string, aim: Pick<Comparison, "atLeast">): readonly Comparison[] {
  return (["completions", "streams"] as const).map((kind) => ({ server, base, kind, of: "perSecond", ...aim }));
}

/** By how much a ratio may miss its aim before it fails a run. */
const TOLERANCE = 0.1;

/** What a comparison came to. */
export interface Ratio extends Comparison {
  /** The median of the ratios within each round. */
  readonly median: number;
  /** The smallest and the largest of them. */
  readonly range: readonly [number, number];
  /** `unclear`: in most rounds the servers were not what limited the rate. Absent where there is no aim. */
  readonly verdict: "ok" | "MISSED" | "unclear" | undefined;
  /** Whether it missed its aim by more than a run may. */
  readonly failed: boolean;
}

/** The ratios of all servers that took part. */
export function ratiosOf(results: Results): Ratio[] {
  return comparisons.flatMap((comparison) => {
    const { server, base, kind, of } = comparison;
    const over = results[base]?.[kind] ?? [];
    const rounds = (results[server]?.[kind] ?? []).flatMap((turn, round) => {
      const other = over[round];
      return other ? { ratio: turn[of] / other[of], limiting: limits(turn) && limits(other) } : [];
    });
    if (rounds.length === 0) return [];
    const telling = rounds.filter(({ limiting }) => of === "cpuMs" || limiting);
    const clear = telling.length >= rounds.length / 2;
    const ratios = (clear ? telling : rounds).map(({ ratio }) => ratio);
    return judged(comparison, ratios, clear);
  });
}

function judged(comparison: Comparison, ratios: readonly number[], clear: boolean): Ratio {
  const { atLeast = 0, atMost = Number.POSITIVE_INFINITY } = comparison;
  const middle = median(ratios);
  const aimed = comparison.atLeast !== undefined || comparison.atMost !== undefined;
  const met = middle >= atLeast && middle <= atMost ? "ok" : "MISSED";
  return {
    ...comparison,
    median: middle,
    range: [Math.min(...ratios), Math.max(...ratios)],
    verdict: aimed ? (clear ? met : "unclear") : undefined,
    failed: clear && (middle < atLeast * (1 - TOLERANCE) || middle > atMost * (1 + TOLERANCE)),
  };
}
