import type { Block, Page } from "./page.ts";
import { plotLines, stepName } from "./plot.ts";
import { ascii, pad, printable, widthOf, wrap } from "./printable.ts";
import { tableLines } from "./terminal-table.ts";

/** What a terminal can show. */
export interface Look {
  /** How many characters a line has. */
  readonly columns: number;
  /** Whether it shows more than ASCII. */
  readonly unicode: boolean;
  readonly color: boolean;
}

const INDENT = "  ";
/** Text is hard to read in longer lines. */
const MOST_TEXT = 100;
const ESCAPE = "\u001b";

/** A page as text. Nothing of a log's can command the terminal. */
export function terminalText(page: Page, look: Look): string {
  const bold = paint(look, "1");
  const lines = [
    bold(plain(page.title, look)),
    ...leadLines(page, look),
    ...page.sections.flatMap(({ title, blocks }) => [
      "",
      bold(plain(title, look)),
      ...blocks.flatMap((block) => blockLines(block, look).map((line) => `${INDENT}${line}`.trimEnd())),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

const COLORS = { good: "32", bad: "31", middling: "33" } as const;

function leadLines({ lead, tone }: Page, look: Look): string[] {
  const lines = wrap(plain(lead, look), Math.min(look.columns, MOST_TEXT));
  if (tone === undefined) return lines;
  return lines.map((line, at) => (at === 0 ? line.replace(/^\w+/, paint(look, COLORS[tone])) : line));
}

function paint({ color }: Look, code: string): (text: string) => string {
  return (text) => (color && text !== "" ? `${ESCAPE}[${code}m${text}${ESCAPE}[0m` : text);
}

function plain(text: string, { unicode }: Look): string {
  return unicode ? printable(text) : ascii(printable(text));
}

function blockLines(block: Block, look: Look): string[] {
  const room = look.columns - INDENT.length;
  const text = Math.min(room, MOST_TEXT);
  const clean = (dirty: string): string => plain(dirty, look);
  switch (block.kind) {
    case "text":
      return wrap(clean(block.text), text);
    case "list":
      return block.items.flatMap((item) => hanging("- ", clean(item), text));
    case "facts": {
      const width = Math.max(...block.facts.map(([name]) => widthOf(clean(name))));
      return block.facts.flatMap(([name, fact, shape]) => {
        const first = pad(clean(name), width + 2, "left");
        if (shape !== "lines") return hanging(first, clean(fact), text);
        return hung(first, linesOf(fact, clean, Math.max(FEWEST, text - width - 2)));
      });
    }
    case "table": {
      const head = block.columns.map((column) => ({ ...column, title: clean(column.title) }));
      const rows = block.rows.map((row) => row.map(clean));
      return tableLines(head, rows, { columns: room, mark: clean("…"), emphasis: paint(look, "2") });
    }
    case "plot": {
      const drawn = plotLines(block.series, { unicode: look.unicode, emphasis: paint(look, "31") });
      return [`One column is ${stepName(block.series.stepMs)}.`, ...drawn];
    }
  }
}

/** In a column that is narrower nothing can be read. */
const FEWEST = 20;

function hanging(first: string, text: string, columns: number): string[] {
  return hung(first, wrap(text, Math.max(FEWEST, columns - widthOf(first))));
}

/** The lines of a text, each wrapped for itself. Its words stay whole, so that a path can be copied: the terminal breaks them. */
function linesOf(text: string, clean: (dirty: string) => string, columns: number): string[] {
  const lines = text.split(/[\r\n]+/).flatMap((line) => {
    const [first = "", ...rest] = wrap(clean(line), columns, "whole");
    const indent = /^\s/.test(line) ? INDENT : "";
    return [`${indent}${first}`, ...rest.map((more) => `${indent}${INDENT}${more}`)];
  });
  return lines.filter((line) => line.trim() !== "");
}

function hung(first: string, lines: readonly string[]): string[] {
  const width = widthOf(first);
  return lines.map((line, at) => (at === 0 ? first : " ".repeat(width)) + line);
}
