/** A moment, in milliseconds since 1970, as ISO 8601 in UTC, like `Date.prototype.toISOString`: most moments are within the second of the last one. */
export function isoTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== known) {
    start = new Date(second * 1000).toISOString().slice(0, -"000Z".length);
    known = second;
  }
  return `${start}${String(ms - second * 1000).padStart(3, "0")}Z`;
}

/** The second that was written last, and how its moments begin. */
let known: number | undefined;
let start = "";
