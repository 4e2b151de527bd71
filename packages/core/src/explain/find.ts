import type { Entry } from "./entry.ts";
import { NEARBY_MS, Nearby, type NearbyReport } from "./nearby.ts";
import { Recall } from "./recall.ts";
import { type ScanOptions, scan, type Tally } from "./scan.ts";
import type { Source } from "./sources.ts";

/** Another record of the same request id: a caller that tries again may send its own. */
export interface Namesake {
  readonly timeMs: number | undefined;
  readonly outcome: Entry["outcome"];
  readonly code: string | undefined;
}

/** The record of an id, and what is near it. */
export interface Found {
  /** The last one. */
  readonly entry: Entry;
  /** The ones before it, the last few of them. */
  readonly namesakes: readonly Namesake[];
  /** Absent where the record has no time. */
  readonly nearby: NearbyReport | undefined;
  /** Whether what is near is less than there was: it was read from what cannot be read twice, and forgotten again. */
  readonly forgotten: boolean;
  readonly tally: Readonly<Tally>;
}

const MOST_NAMESAKES = 5;
/** Of these characters JSON escapes none, so that a line which has the id has these bytes. */
const PLAIN_ID = /^[\w.:-]+$/;

/** Finds the last record of an id, and what is near it. Files are read twice; what cannot be is remembered within bounds. */
export async function find(
  sources: readonly Source[],
  id: string,
  options: ScanOptions,
  recall: Recall = new Recall(),
): Promise<Found | undefined> {
  const search = new Search(id);
  if (sources.every(({ again }) => again)) {
    const having = PLAIN_ID.test(id) ? Buffer.from(id) : undefined;
    await scan(sources, { ...options, having }, (entry) => search.meet(entry));
    const { entry } = search;
    if (!entry) return undefined;
    const nearby = new Nearby(entry);
    const tally = await scan(sources, options, (other) => nearby.add(other));
    return search.found(entry, nearby, false, tally);
  }
  let nearby: Nearby | undefined;
  let forgotten = false;
  const tally = await scan(sources, options, (entry) => {
    if (search.meet(entry)) {
      nearby = new Nearby(entry);
      for (const earlier of recall.kept()) nearby.add(earlier);
      forgotten = recall.hasForgotten((entry.timeMs ?? Number.POSITIVE_INFINITY) - NEARBY_MS);
    }
    nearby?.add(entry);
    recall.add(entry);
  });
  return search.entry && nearby && search.found(search.entry, nearby, forgotten, tally);
}

class Search {
  readonly #id: string;
  readonly #namesakes: Namesake[] = [];
  entry: Entry | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  /** Whether it is a record of the id. */
  meet(entry: Entry): boolean {
    if (entry.id !== this.#id) return false;
    if (this.entry) {
      const { timeMs, outcome, code } = this.entry;
      this.#namesakes.push({ timeMs, outcome, code });
      if (this.#namesakes.length > MOST_NAMESAKES) this.#namesakes.shift();
    }
    this.entry = entry;
    return true;
  }

  found(entry: Entry, nearby: Nearby, forgotten: boolean, tally: Readonly<Tally>): Found {
    const known = entry.timeMs === undefined ? undefined : nearby.report();
    return { entry, namesakes: this.#namesakes, nearby: known, forgotten, tally };
  }
}
