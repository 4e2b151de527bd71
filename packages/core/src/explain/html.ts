import { escaped } from "./escaped.ts";
import { plotSvg } from "./html-plot.ts";
import { STYLE } from "./html-style.ts";
import { count } from "./numbers.ts";
import type { Block, Column, Page } from "./page.ts";
import { axisLabel, stepName } from "./plot.ts";

/** A page as one file of HTML: no script, nothing that is fetched, and of a log's text only the text. */
export function htmlText({ title, lead, sections }: Page): string {
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
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(title)}</h1>
<p>${escaped(lead)}</p>
</header>
${parts.join("\n")}
</main>
</body>
</html>
`;
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case "text":
      return `<p>${escaped(block.text)}</p>`;
    case "list":
      return `<ul>${block.items.map((item) => `<li>${escaped(item)}</li>`).join("")}</ul>`;
    case "facts":
      return `<dl>${block.facts.map(([name, fact]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(fact)}</dd></div>`).join("")}</dl>`;
    case "table":
      return tableHtml(block.caption, block.columns, block.rows);
    case "plot":
      return `<figure>\n${plotSvg(block.series, block.caption)}\n<figcaption><span class="key calls">calls</span> <span class="key errors">errors</span> One bar is ${stepName(block.series.stepMs)}.</figcaption>\n</figure>\n${numbersHtml(block)}`;
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
