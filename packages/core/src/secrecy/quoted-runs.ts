/** Every run of twice as many characters holds one window that begins at a multiple of this, wherever the run begins. */
const WINDOW = 12;
/** From how many characters on something counts as quoted. */
export const LEAST: number = 2 * WINDOW;
/** How many characters are compared beyond the windows: text that repeats itself for longer is no quotation. */
const MAX_COMPARED = 200_000;

/**
 * Text with every run of at least `LEAST` characters that stands in `source` as well replaced by `[…]`. One pass over the source
 * (Rabin and Karp's), so that its time is bounded by the length of both, whatever they are.
 */
export function withoutQuotes(text: string, source: string): string {
  if (text.length < LEAST || source.length < LEAST) return text;
  const quoted = new Uint8Array(text.length);
  const windows = windowsOf(text);
  let left = MAX_COMPARED;
  let found = false;

  const compare = (at: number, place: number): void => {
    let from = 0;
    while (at + from > 0 && place + from > 0 && same(text, at + from - 1, source, place + from - 1)) from--;
    let to = 0;
    while (at + to < text.length && place + to < source.length && same(text, at + to, source, place + to)) to++;
    left -= to - from;
    if (to - from < LEAST) return;
    found = true;
    quoted.fill(1, at + from, at + to);
  };

  let hash = 0;
  for (let end = 0; end < source.length && left > 0; end++) {
    hash = (Math.imul(hash, BASE) + source.charCodeAt(end)) | 0;
    if (end >= WINDOW) hash = (hash - Math.imul(source.charCodeAt(end - WINDOW), LEAVING)) | 0;
    if (windows.filter[hash & FILTER] === 0 || end < WINDOW - 1) continue;
    for (const at of windows.places.get(hash) ?? []) {
      left--;
      if (quoted[at] === 0 || quoted[at + WINDOW - 1] === 0) compare(at, end - WINDOW + 1);
    }
  }
  return found ? masked(text, quoted) : text;
}

const BASE = 0x01000193;
/** What a character counts for once it leaves the window: `BASE` to the power of `WINDOW`. */
const LEAVING: number = Array.from({ length: WINDOW }).reduce<number>((power) => Math.imul(power, BASE), 1);
/** As many places has the table that most windows of the source are not in. */
const FILTER = 0x1fff;

interface Windows {
  /** Not 0 at the end of each hash that there is. */
  readonly filter: Uint8Array;
  /** Where in the text the windows of a hash are. */
  readonly places: ReadonlyMap<number, readonly number[]>;
}

function windowsOf(text: string): Windows {
  const filter = new Uint8Array(FILTER + 1);
  const places = new Map<number, number[]>();
  for (let at = 0; at + WINDOW <= text.length; at += WINDOW) {
    let hash = 0;
    for (let next = at; next < at + WINDOW; next++) hash = (Math.imul(hash, BASE) + text.charCodeAt(next)) | 0;
    filter[hash & FILTER] = 1;
    const known = places.get(hash);
    if (known) known.push(at);
    else places.set(hash, [at]);
  }
  return { filter, places };
}

function same(text: string, at: number, other: string, otherAt: number): boolean {
  return text.charCodeAt(at) === other.charCodeAt(otherAt);
}

function masked(text: string, quoted: Uint8Array): string {
  let shown = "";
  for (let at = 0; at < text.length; at++) {
    if (quoted[at] === 0) shown += text[at];
    else if (at === 0 || quoted[at - 1] === 0) shown += "[…]";
  }
  return shown;
}
