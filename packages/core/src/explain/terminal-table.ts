import type { Column } from "./page.ts";
import { cut, pad, widthOf } from "./printable.ts";

/** A column of text is made as narrow as this before one is left out, and then as narrow as the next. */
const NARROW = 24;
const NARROWEST = 6;
const BETWEEN = 2;

/** A column with its cells, and how wide it is. */
interface Laid {
  readonly column: Column;
  readonly cells: readonly string[];
  width: number;
}

/** Where a table is shown. */
export interface TableOptions {
  /** How many characters a line has. */
  readonly columns: number;
  /** Stands for what is cut off. */
  readonly mark: string;
  /** Makes the titles stand out, or step back. */
  readonly emphasis: (text: string) => string;
}

/** A table in lines of at most `columns` where it can be: spare columns are left out, columns of text give way. Its texts are printable. */
export function tableLines(
  head: readonly Column[],
  rows: readonly (readonly string[])[],
  { columns, mark, emphasis }: TableOptions,
): string[] {
  const all = head.map((column, at): Laid => {
    const cells = rows.map((row) => row[at] ?? "");
    return { column, cells, width: Math.max(widthOf(column.title), ...cells.map(widthOf)) };
  });
  const laid = fitting(all, columns);
  shrink(laid, columns);
  const line = (cell: (of: Laid) => string): string =>
    laid
      .map((of) => pad(cut(cell(of), of.width, mark), of.width, of.column.side ?? "left"))
      .join(" ".repeat(BETWEEN))
      .trimEnd();
  return [emphasis(line(({ column }) => column.title)), ...rows.map((_, at) => line(({ cells }) => cells[at] ?? ""))];
}

function widthOfAll(laid: readonly Laid[], widthOfOne: (of: Laid) => number): number {
  return laid.reduce((sum, of) => sum + widthOfOne(of) + BETWEEN, -BETWEEN);
}

function fitting(all: readonly Laid[], columns: number): readonly Laid[] {
  const least = widthOfAll(all, ({ column, width }) => (column.side === "right" ? width : Math.min(width, NARROW)));
  const spare = all.find(({ column }) => column.spare);
  return least <= columns || !spare
    ? all
    : fitting(
        all.filter((of) => of !== spare),
        columns,
      );
}

function shrink(laid: readonly Laid[], columns: number): void {
  for (let over = widthOfAll(laid, ({ width }) => width) - columns; over > 0; over--) {
    const texts = laid.filter(({ column, width }) => column.side !== "right" && width > NARROWEST);
    const widest = texts.toSorted((one, other) => other.width - one.width)[0];
    if (!widest) return;
    widest.width--;
  }
}
