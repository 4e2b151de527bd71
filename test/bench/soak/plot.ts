const EIGHTHS = " ▁▂▃▄▅▆▇█";

/** The values as columns of blocks, above zero: so many lines high, and about so many columns wide. */
export function plot(values: readonly number[], width: number, height: number): string[] {
  const wide = Math.max(1, Math.floor(width / values.length));
  const columns = thinned(values, width).flatMap((value) => Array.from({ length: wide }, () => value));
  const most = Math.max(...columns, Number.MIN_VALUE);
  const label = (value: number): string => shortly(value).padStart(6);
  return Array.from({ length: height }, (_, line) => {
    const below = height - 1 - line;
    const cells = columns.map((value) => {
      const eighths = Math.ceil((value / most) * height * 8) - below * 8;
      return EIGHTHS[Math.min(8, Math.max(0, eighths))];
    });
    const axis = line === 0 ? label(most) : below === 0 ? label(0) : " ".repeat(6);
    return `${axis} │${cells.join("")}`;
  });
}

/** At most so many values: where several stand for one, the largest does. */
function thinned(values: readonly number[], most: number): number[] {
  const groups = Math.min(values.length, most);
  return Array.from({ length: groups }, (_, at) =>
    Math.max(
      ...values.slice(Math.floor((at * values.length) / groups), Math.floor(((at + 1) * values.length) / groups)),
    ),
  );
}

/** A number with as many digits as one reads at a glance. */
export function shortly(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}
