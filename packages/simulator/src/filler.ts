/** The most that a body without end sends. */
export const GIBIBYTE = 1_073_741_824;

const BLOCK = "x".repeat(65_536);

/** `length` characters of text, in pieces. */
export function* filler(length: number): Generator<string> {
  for (let left = length; left > 0; left -= BLOCK.length) yield left < BLOCK.length ? BLOCK.slice(0, left) : BLOCK;
}
