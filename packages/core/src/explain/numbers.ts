const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });

/** `12,345`. */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 call`, `12,345 calls`. */
export function counted(value: number, thing: string): string {
  if (value === 1) return `1 ${thing}`;
  return `${count(value)} ${thing.endsWith("y") ? `${thing.slice(0, -1)}ies` : `${thing}s`}`;
}

/** An amount of money or the like: `0.01235`, `1,235`. */
export function amount(value: number): string {
  return value < 1000 ? fine.format(value) : whole.format(value);
}

/** `12.3 %`; a dash where there is nothing to have a share of. */
export function share(part: number, all: number): string {
  if (all === 0) return "–";
  const percent = (100 * part) / all;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  if (percent < 100 && percent > 99.9) return ">99.9 %";
  return `${percent === 0 || percent === 100 ? percent : percent.toFixed(1)} %`;
}

/** `412 ms`, `12.3 s`, `4.5 min`, `2.1 h`; a dash for what is not known. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 5_997_000) return `${(ms / 60_000).toFixed(1)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
