import { escaped } from "./escaped.ts";
import { plotSvg } from "./html-plot.ts";
import { STYLE } from "./html-style.ts";
import { count } from "./numbers.ts";
import type { Block, Column, Fact, Page } from "./page.ts";
import { axisLabel, stepName } from "./plot.ts";
import { dayAndTime } from "./times.ts";

/** What a page was made of, and when. */
export interface Origin {
  /** The names of what was read. */
  readonly read: readonly string[];
  /** In milliseconds since 1970. */
  readonly madeMs: number;
}

/** More names tell nobody anything. */
const MOST_NAMES = 10;

/** A page as one file of HTML: no script, nothing that is fetched, and of a log's text only the text. */
export function htmlText({ title, tone, lead, sections }: Page, { read, madeMs }: Origin): string {
  const parts = sections.map(({ title: heading, blocks }) => {
    return `<section>\n<h2>${escaped(heading)}</h2>\n${blocks.map(blockHtml).join("\n")}\n</section>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escaped(title)} – Gatewright</title>
<meta name="generator" content="gatewright-explain">
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="product">Gatewright explain</p>
<h1>${escaped(title)}</h1>
<p>${leadHtml(lead, tone)}</p>
<p class="origin">Made ${dayAndTime(madeMs)} UTC from ${escaped(namesOf(read))}.</p>
</header>
${parts.join("\n")}
</main>
</body>
</html>
`;
}

function leadHtml(lead: string, tone: Page["tone"]): string {
  const said = rich(lead);
  return tone === undefined ? said : said.replace(/^\w+/, (outcome) => `<strong class="${tone}">${outcome}</strong>`);
}

function namesOf(read: readonly string[]): string {
  const left = read.length - MOST_NAMES;
  return read.slice(0, MOST_NAMES).join(", ") + (left > 0 ? ` and ${count(left)} more` : "");
}

/** Text with what stands between backticks as code. */
function rich(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function factHtml([name, text, shape]: Fact): string {
  const said =
    shape === "lines"
      ? `<dd class="lines">${text
          .split(/[\r\n]+/)
          .map(escaped)
          .join("\n")}</dd>`
      : `<dd>${rich(text)}</dd>`;
  return `<div><dt>${escaped(name)}</dt>${said}</div>`;
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case "text":
      return `<p>${rich(block.text)}</p>`;
    case "list":
      return `<ul>${block.items.map((item) => `<li>${rich(item)}</li>`).join("")}</ul>`;
    case "facts":
      return `<dl>${block.facts.map(factHtml).join("")}</dl>`;
    case "table":
      return tableHtml(block.caption, block.columns, block.rows);
    case "plot":
      return `<figure>\n<div class="scroll" tabindex="0" role="region" aria-label="${escaped(block.caption)}">${plotSvg(block.series, block.caption)}</div>\n<figcaption><span class="key calls">calls</span> <span class="key errors">errors</span> One bar is ${stepName(block.series.stepMs)}.</figcaption>\n</figure>\n${numbersHtml(block)}`;
  }
}

function tableHtml(caption: string, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const side = (at: number): string => (columns[at]?.side === "right" ? ' class="number"' : "");
  const head = columns.map(({ title }, at) => `<th scope="col"${side(at)}>${escaped(title)}</th>`).join("");
  const body = rows.map((row) => {
    const cells = row.map((cell, at) =>
      at === 0 ? `<th scope="row">${escaped(cell)}</th>` : `<td${side(at)}>${escaped(cell)}</td>`,
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escaped(caption)}"><table>
<caption>${escaped(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join("\n")}
</tbody>
</table></div>`;
}

/** What the plot shows, for those who do not see it. */
function numbersHtml({ series: { fromMs, stepMs, buckets }, caption }: Block & { readonly kind: "plot" }): string {
  const columns: Column[] = [{ title: "from" }, { title: "calls", side: "right" }, { title: "errors", side: "right" }];
  const rows = buckets.map(({ calls, errors }, at) => [
    axisLabel(fromMs + at * stepMs, stepMs),
    count(calls),
    count(errors),
  ]);
  return `<details><summary>In numbers</summary>\n${tableHtml(caption, columns, rows)}\n</details>`;
}
