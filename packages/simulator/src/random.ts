/** Numbers from 0 up to 1, the same run of them for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 24 hexadecimal digits for the `count`th call of a simulator. */
export function hexId(seed: number, count: number): string {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ count);
  const part = () => Math.floor(random() * 2 ** 32).toString(16);
  return (part() + part() + part()).padStart(24, "0");
}
