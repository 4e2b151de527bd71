import { OVER, unlessAborted } from "../abort.ts";

/** How many may be under way at once. */
const MOST = 256;

interface Flight<Value> {
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

  /** Whether nothing of this name can be begun. */
  isFull(name: string): boolean {
    return this.#running.size >= MOST && !this.#running.has(name);
  }

  /** What the work of this name gives; it is begun where none is under way. `start` may abort it, and must listen to it. */
  async join(name: string, signal: AbortSignal, start: (stop: AbortController) => Promise<Value>): Promise<Value> {
    const flight = this.#running.get(name) ?? this.#begin(name, start);
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

  #begin(name: string, start: (stop: AbortController) => Promise<Value>): Flight<Value> {
    const stop = new AbortController();
    const flight: Flight<Value> = { result: start(stop), stop, waiting: 0 };
    this.#running.set(name, flight);
    const end = (): void => this.#end(name, flight);
    flight.result.then(end, end);
    return flight;
  }

  #end(name: string, flight: Flight<Value>): void {
    if (this.#running.get(name) === flight) this.#running.delete(name);
  }
}
