import { isFields } from "../json.ts";
import { type Entry, entryOf } from "./entry.ts";
import { eachLine } from "./lines.ts";
import type { Source } from "./sources.ts";

/** What was read, in lines. */
export interface Tally {
  bytes: number;
  lines: number;
  /** Those that are records of a call, of the time that was asked for. */
  records: number;
  /** Records of another time. */
  outside: number;
  /** Lines that are no record of a call. */
  other: number;
  /** Lines that begin like an object and are no JSON. */
  broken: number;
  /** Lines above the limit. */
  tooLong: number;
}

/** What is read of the sources. */
export interface ScanOptions {
  /** From when on, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Until when. A record without a time is of every time where neither is finite, and else of none. */
  readonly untilMs: number;
  /** Lines without these bytes are passed over unread. */
  readonly having?: Buffer | undefined;
  /** Told after each piece of the input. */
  readonly onPiece: (tally: Readonly<Tally>) => void;
}

/** Reads the sources one after the other, and hands on each record with the name of its source. Rejects with an `InputError`. */
export async function scan(
  sources: readonly Source[],
  { sinceMs, untilMs, having, onPiece }: ScanOptions,
  onEntry: (entry: Entry, source: string) => void,
): Promise<Readonly<Tally>> {
  const tally: Tally = { bytes: 0, lines: 0, records: 0, outside: 0, other: 0, broken: 0, tooLong: 0 };
  const anyTime = sinceMs === Number.NEGATIVE_INFINITY && untilMs === Number.POSITIVE_INFINITY;
  const onLine = (line: Buffer | undefined, source: string): void => {
    tally.lines++;
    if (line === undefined) {
      tally.tooLong++;
      return;
    }
    if (having && !line.includes(having)) return;
    const entry = readLine(line);
    if (typeof entry === "string") tally[entry]++;
    else if (anyTime || (entry.timeMs !== undefined && entry.timeMs >= sinceMs && entry.timeMs <= untilMs)) {
      tally.records++;
      onEntry(entry, source);
    } else tally.outside++;
  };
  for (const source of sources) {
    await eachLine(
      source.open(),
      (line) => onLine(line, source.name),
      (bytes) => {
        tally.bytes += bytes;
        onPiece(tally);
      },
    );
  }
  return tally;
}

function readLine(line: Buffer): Entry | "other" | "broken" {
  const text = line.toString("utf8").trim();
  if (!text.startsWith("{")) return "other";
  try {
    const value: unknown = JSON.parse(text);
    return (isFields(value) && entryOf(value)) || "other";
  } catch {
    return "broken";
  }
}
