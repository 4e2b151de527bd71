import { shortly } from "./plot.ts";
import { notes, outcomeCells, type Report, series } from "./report.ts";

const WIDTH = 900;
const HEIGHT = 160;
const LEFT = 60;
const BOTTOM = 24;

/** The report as a page that needs nothing else. */
export function reportPage(report: Report): string {
  const { machine, load, seed, checks, samples, result, troubles } = report;
  const failed = checks.filter(({ ok }) => !ok).length;
  const charts = series.map(({ title, unit, of }) => {
    const points = samples.map((sample) => [sample.at, of(sample)] as const);
    return `<h2>${escaped(title)}${unit && `, ${unit}`}</h2>\n${chart(points)}`;
  });
  const lists = [...(result?.failures ?? []).map((failure) => JSON.stringify(failure, null, 2)), ...troubles];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Soak: ${failed === 0 ? "passed" : `${failed} failed`}</title>
<style>${STYLE}</style>
<h1>Soak: ${failed === 0 ? "passed" : `<span class="bad">${failed} of ${checks.length} checks failed</span>`}</h1>
<p>${shortly(load.rate)} calls a second for ${shortly(load.seconds)} s, ${load.faultShare * 100} % of them with a fault;
seed ${seed}; Node ${escaped(machine.node)}, ${machine.cores} cores (${escaped(machine.processor)}).</p>
${charts.join("\n")}
<h2>Outcomes</h2>
${result ? tableOf(outcomeCells(result)) : "<p>The client could not tell.</p>"}
${notes(report)
  .map((note) => `<p>${escaped(note)}</p>`)
  .join("\n")}
<h2>What must hold</h2>
${tableOf([["", "found", ""], ...checks.map(({ name, ok, found }) => [name, found, ok ? "ok" : "FAILED"])])}
${lists.map((text) => `<pre>${escaped(text)}</pre>`).join("\n")}
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#1f5fbf, #7fb2ff); --faint: light-dark(#d8d8d8, #444); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: ${WIDTH}px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1em; margin: 1.6em 0 .3em; }
svg { width: 100%; height: auto; } polyline { fill: none; stroke: var(--line); stroke-width: 1.5; }
line { stroke: var(--faint); } text { font-size: 11px; fill: currentColor; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { border-bottom: 1px solid var(--faint); padding: .15em .6em; text-align: right; font-weight: normal; }
td:first-child { text-align: left; } th { font-size: .85em; } .bad { color: light-dark(#b00020, #ff8a8a); font-weight: bold; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid var(--faint); padding-left: 1em; }
`;

/** A line over time, with the largest value and the middle on its left. */
function chart(points: readonly (readonly [number, number])[]): string {
  const last = Math.max(1, ...points.map(([at]) => at));
  const most = Math.max(...points.map(([, value]) => value), Number.MIN_VALUE);
  const x = (at: number): string => (LEFT + (at / last) * (WIDTH - LEFT)).toFixed(1);
  const y = (value: number): string => (HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - 12)).toFixed(1);
  const levels = [0, most / 2, most].map(
    (value) => `<line x1="${LEFT}" x2="${WIDTH}" y1="${y(value)}" y2="${y(value)}"/>
<text x="${LEFT - 6}" y="${y(value)}" dy="4" text-anchor="end">${shortly(value)}</text>`,
  );
  const moments = [0, last / 4, last / 2, (last * 3) / 4, last].map(
    (at, index) =>
      `<text x="${x(at)}" y="${HEIGHT - 6}" text-anchor="${index === 4 ? "end" : "middle"}">${at.toFixed(0)} s</text>`,
  );
  const line = points.map(([at, value]) => `${x(at)},${y(value)}`).join(" ");
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">${levels.join("")}${moments.join("")}<polyline points="${line}"/></svg>`;
}

function tableOf([head = [], ...rows]: readonly (readonly string[])[]): string {
  const cell = (text: string): string => `<td${text === "FAILED" ? ' class="bad"' : ""}>${escaped(text)}</td>`;
  const body = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`);
  return `<table><tr>${head.map((text) => `<th>${escaped(text)}</th>`).join("")}</tr>\n${body.join("\n")}</table>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
