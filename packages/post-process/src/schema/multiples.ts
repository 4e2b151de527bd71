/**
 * Whether a number is a whole multiple of another, by their decimal digits as JSON has them: 19.99 is a multiple of 0.01,
 * though no division of binary fractions says so. Infinity, which a number too large becomes, is a multiple of nothing.
 */
export function isMultiple(value: number, of: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (Number.isSafeInteger(value) && Number.isSafeInteger(of)) return value % of === 0;
  const one = decimal(value);
  const other = decimal(of);
  const shift = one.exponent - other.exponent;
  return shift >= 0
    ? (one.digits * 10n ** BigInt(shift)) % other.digits === 0n
    : one.digits % (other.digits * 10n ** BigInt(-shift)) === 0n;
}

/** A number as whole digits times a power of ten; its sign means nothing here. */
function decimal(value: number): { readonly digits: bigint; readonly exponent: number } {
  const [mantissa = "", exponent = "0"] = String(Math.abs(value)).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}
