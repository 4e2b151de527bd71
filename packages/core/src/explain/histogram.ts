/** How much a bucket's end is above its beginning: what is read from it is true within half of that. */
const GROWTH = 1.04;
const LOG = Math.log(GROWTH);
/** Up to some 12 days in milliseconds; what is longer counts as that long. */
const BUCKETS = 532;

/** How often which times occurred, in buckets that grow with the time: a few kilobytes, whatever is added. */
export class Histogram {
  // Many names of a log never have an answer.
  #buckets: Uint32Array | undefined;
  #all = 0;

  add(ms: number): void {
    this.#buckets ??= new Uint32Array(BUCKETS);
    const at = ms <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms) / LOG));
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
    this.#all++;
  }

  /** The time that a share of all did not exceed, within 2 %; `undefined` where there are none. */
  at(share: number): number | undefined {
    let left = Math.ceil(this.#all * share);
    if (!this.#buckets || left === 0) return undefined;
    const found = this.#buckets.findIndex((within) => {
      left -= within;
      return left <= 0;
    });
    return found === 0 ? 1 : GROWTH ** (found - 0.5);
  }
}
