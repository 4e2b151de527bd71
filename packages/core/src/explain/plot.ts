import type { Series } from "./buckets.ts";
import { count } from "./numbers.ts";
import { pad, widthOf } from "./printable.ts";
import { dayAndTime } from "./times.ts";

/** What a plot is drawn with: from an empty cell to a full one, then the corner, the side and the bottom of its frame. */
interface Glyphs {
  readonly levels: readonly string[];
  readonly frame: readonly [corner: string, tick: string, side: string, bottom: string];
}

const BLOCKS: Glyphs = { levels: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"], frame: ["└", "┤", "│", "─"] };
const CHARACTERS: Glyphs = { levels: [" ", ".", ":", "#"], frame: ["+", "+", "|", "-"] };

/** How many lines the bars of calls and of errors are high. */
const ROWS = { calls: 4, errors: 3 } as const;
const DAY_MS = 86_400_000;

/** How a plot may be drawn. */
export interface PlotOptions {
  /** Whether the terminal shows more than ASCII. */
  readonly unicode: boolean;
  /** Makes the bars of errors stand out. */
  readonly emphasis: (text: string) => string;
}

/** Lines of text that show calls and errors over time, one above the other, each with a scale of its own. */
export function plotLines({ fromMs, stepMs, buckets }: Series, { unicode, emphasis }: PlotOptions): string[] {
  const glyphs = unicode ? BLOCKS : CHARACTERS;
  const calls = buckets.map((bucket) => bucket.calls);
  const errors = buckets.map((bucket) => bucket.errors);
  const labels = { calls: `calls ${count(Math.max(...calls))}`, errors: `errors ${count(Math.max(...errors))}` };
  const room = Math.max(widthOf(labels.calls), widthOf(labels.errors));
  const [corner, tick, side, bottom] = glyphs.frame;
  const bars = (values: readonly number[], rows: number, label: string, shown: (text: string) => string): string[] =>
    barRows(values, rows, glyphs.levels).map((line, at) => {
      return `${pad(at === 0 ? label : "", room, "right")} ${at === 0 ? tick : side}${shown(line)}`;
    });
  return [
    ...bars(calls, ROWS.calls, labels.calls, (text) => text),
    ...bars(errors, ROWS.errors, labels.errors, emphasis),
    `${" ".repeat(room)} ${corner}${bottom.repeat(buckets.length)}`,
    `${" ".repeat(room + 2)}${axis(fromMs, stepMs, buckets.length)}`,
  ].map((line) => line.trimEnd());
}

function barRows(values: readonly number[], rows: number, levels: readonly string[]): string[] {
  const most = Math.max(1, ...values);
  const full = levels.length - 1;
  // What is not nothing is seen, however little it is.
  const heights = values.map((value) => (value === 0 ? 0 : Math.max(1, Math.round((value / most) * rows * full))));
  return Array.from({ length: rows }, (_, row) => {
    const below = (rows - 1 - row) * full;
    return heights.map((height) => levels[Math.min(full, Math.max(0, height - below))] ?? " ").join("");
  });
}

/** How many columns are left between two times on the axis. */
const GAP = 4;

function axis(fromMs: number, stepMs: number, steps: number): string {
  const width = axisLabel(fromMs, stepMs).length;
  const every = Math.ceil((width + GAP) / 5) * 5;
  let line = "";
  for (let at = 0; at === 0 || at + width <= steps; at += every) {
    line = line.padEnd(at) + axisLabel(fromMs + at * stepMs, stepMs);
  }
  return line;
}

/** When a step begins, as exactly as its length asks for. */
export function axisLabel(ms: number, stepMs: number): string {
  const written = dayAndTime(ms);
  if (stepMs >= DAY_MS) return written.slice(0, 10);
  return stepMs >= 60_000 ? written.slice(11, 16) : written.slice(11);
}

/** `5 min`, `6 h`: how long a step is. */
export function stepName(stepMs: number): string {
  if (stepMs >= DAY_MS) return `${stepMs / DAY_MS} d`;
  if (stepMs >= 3_600_000) return `${stepMs / 3_600_000} h`;
  return stepMs >= 60_000 ? `${stepMs / 60_000} min` : `${stepMs / 1000} s`;
}
