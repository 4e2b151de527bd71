import type { Series } from "./buckets.ts";
import { escaped } from "./escaped.ts";
import { count, counted, share } from "./numbers.ts";
import { axisLabel } from "./plot.ts";
import { dayAndTime } from "./times.ts";

const [WIDTH, HEIGHT] = [960, 220];
/** What is left around the bars, for the numbers. */
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 8, 12, 26];
const [ROOM_X, ROOM_Y] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
/** How many times are written below. */
const LABELS = 8;
const LABEL_WIDTH = 72;
/** No bar is wider, however few there are. */
const WIDEST = 48;

/** Calls over time as bars, their errors at the foot of each, as SVG that needs no script. */
export function plotSvg({ fromMs, stepMs, buckets }: Series, caption: string): string {
  const most = Math.max(1, ...buckets.map(({ calls }) => calls));
  const step = Math.min(WIDEST, ROOM_X / buckets.length);
  const at = (index: number): number => LEFT + index * step;
  const bars = buckets.map(({ calls, errors }, index) => {
    const [x, width] = [at(index) + step * 0.1, step * 0.8];
    const begun = `${axisLabel(fromMs + index * stepMs, stepMs)}: ${counted(calls, "call")}, ${counted(errors, "error")}`;
    const failed = barOf("errors", x, width, heightOf(errors, most), 0);
    const rest = barOf("calls", x, width, heightOf(calls, most) - heightOf(errors, most), heightOf(errors, most));
    return calls === 0 ? "" : `<g><title>${escaped(begun)}</title>${rest}${failed}</g>`;
  });
  const scale = [0, most].map((value) => {
    const y = fixed(TOP + ROOM_Y - heightOf(value, most));
    return `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - RIGHT}" y2="${y}"/><text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${count(value)}</text>`;
  });
  const every = Math.ceil(buckets.length / LABELS);
  const times = buckets.map((_, index) => {
    if (index % every !== 0 || at(index) > WIDTH - LABEL_WIDTH) return "";
    return `<text x="${fixed(at(index))}" y="${HEIGHT - 8}">${axisLabel(fromMs + index * stepMs, stepMs)}</text>`;
  });
  const label = `${caption}. ${inWords({ fromMs, stepMs, buckets })}`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(label)}">${[...scale, ...bars, ...times].join("")}</svg>`;
}

function heightOf(value: number, most: number): number {
  // What is not nothing is seen, however little it is.
  return value === 0 ? 0 : Math.max(2, (value / most) * ROOM_Y);
}

function barOf(kind: "calls" | "errors", x: number, width: number, height: number, above: number): string {
  if (height <= 0) return "";
  const y = TOP + ROOM_Y - above - height;
  return `<rect class="${kind}" x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}"/>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function inWords({ fromMs, stepMs, buckets }: Series): string {
  const [calls, errors] = buckets.reduce(([all, failed], each) => [all + each.calls, failed + each.errors], [0, 0]);
  const worst = buckets.reduce((most, { errors: here }, at) => (here > (buckets[most]?.errors ?? 0) ? at : most), 0);
  const said = `${counted(calls, "call")} and ${counted(errors, "error")} from ${dayAndTime(fromMs)} to ${dayAndTime(fromMs + buckets.length * stepMs)} UTC`;
  if (errors === 0) return `${said}.`;
  const { calls: called = 0, errors: failed = 0 } = buckets[worst] ?? {};
  return `${said}; most errors from ${dayAndTime(fromMs + worst * stepMs)} on: ${count(failed)} of ${count(called)}, ${share(failed, called)}.`;
}
