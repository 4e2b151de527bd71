/** A number above 0 from the command line. Throws a `TypeError` that names the option. */
export function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new TypeError(`--${name} must be a number above 0, not "${text}".`);
}

/** The same for a whole number. */
export function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (Number.isSafeInteger(value)) return value;
  throw new TypeError(`--${name} must be a whole number, not "${text}".`);
}
