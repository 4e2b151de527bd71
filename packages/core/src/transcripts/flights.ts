import { OVER, unlessAborted } from "../abort.ts";
import { Shares } from "./shares.ts";

/** How many may be under way at once, and how many of one owner. */
const MOST = 256;
const MOST_EACH = 32;

interface Flight<Value> {
  readonly owner: string | undefined;
  readonly result: Promise<Value>;
  readonly stop: AbortController;
  waiting: number;
}

/**
 * Work that several calls wait for, once for each name. A call that leaves ends its own waiting and no one else's; when the
 * last has left, the work is aborted.
 */
export class Flights<Value> {
  readonly #running = new Map<string, Flight<Value>>();
  readonly #shares = new Shares(MOST, MOST_EACH);

  /** Whether nothing of this name can be begun for this owner; `undefined` is nobody, of whom there may be many. */
  isFull(name: string, owner: string | undefined): boolean {
    return !this.#running.has(name) && !this.#shares.hasRoom(owner);
  }

  /** What the work of this name gives; it is begun where none is under way. `start` may abort it, and must listen to it. */
  async join(
    name: string,
    owner: string | undefined,
    signal: AbortSignal,
    start: (stop: AbortController) => Promise<Value>,
  ): Promise<Value> {
    const flight = this.#running.get(name) ?? this.#begin(name, owner, start);
    flight.waiting++;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      // Nobody may join what is aborted; where it is over, this changes nothing.
      if (--flight.waiting === 0) {
        this.#end(name, flight);
        flight.stop.abort(OVER);
      }
    }
  }

  #begin(name: string, owner: string | undefined, start: (stop: AbortController) => Promise<Value>): Flight<Value> {
    const stop = new AbortController();
    const flight: Flight<Value> = { owner, result: start(stop), stop, waiting: 0 };
    this.#running.set(name, flight);
    this.#shares.take(owner);
    const end = (): void => this.#end(name, flight);
    flight.result.then(end, end);
    return flight;
  }

  #end(name: string, flight: Flight<Value>): void {
    if (this.#running.get(name) !== flight) return;
    this.#running.delete(name);
    this.#shares.giveBack(flight.owner);
  }
}
