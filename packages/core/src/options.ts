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

/** Throws a `TypeError` where there is a field that is not known: one that is misspelled must not give more rights. */
export function onlyKnown(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  part: string,
  path: string,
): void {
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  const shown = JSON.stringify(unknown.slice(0, 64));
  throw new TypeError(`${part}: ${path} has the unknown field ${shown}; there are ${known.join(", ")}.`);
}
