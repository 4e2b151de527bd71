/** The number, where it is one from `least` to `most`. Else throws a `TypeError` that names the option of the part. */
export function numberIn(part: string, option: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new TypeError(`${part}: ${option} must be a number from ${least} to ${most}, not ${String(value)}.`);
}

/** The same for a whole number. */
export function wholeIn(part: string, option: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new TypeError(`${part}: ${option} must be a whole number from ${least} to ${most}, not ${String(value)}.`);
}
