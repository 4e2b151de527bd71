import { count } from "./numbers.ts";
import type { Tally } from "./scan.ts";

const EVERY_MS = 1000;
/** Back to the beginning of the line, and away with what stands there. */
const ERASE = "\r\u001b[K";

/** Tells people how far the reading is. */
export interface Progress {
  readonly onPiece: (tally: Readonly<Tally>) => void;
  /** Takes away what was told. */
  readonly end: () => void;
}

/** Tells every second, on a line that it rewrites; without `show` it tells nothing. */
export function progressOf(show: ((text: string) => void) | undefined, now: () => number): Progress {
  let last = now();
  let told = false;
  return {
    onPiece: ({ bytes, lines }) => {
      if (!show || now() - last < EVERY_MS) return;
      last = now();
      told = true;
      show(`${ERASE}${count(bytes / 1e6)} MB, ${count(lines)} lines`);
    },
    end: () => {
      if (told) show?.(ERASE);
    },
  };
}
