import type { Clock } from "../clock.ts";
import { tell } from "../tell.ts";
import type { CallRecord } from "./record.ts";

/** Where records go: a log, a file, a queue. One object may be many sinks, one after the other. */
export interface LogSink {
  /** Takes a record. What it throws or rejects counts as a drop and changes nothing for the call. */
  write(record: CallRecord): void | Promise<void>;
}

/** Within which time drops are told together, in milliseconds. */
const TELL_MS = 1000;

/** Writes records to a sink, and counts those that do not get there. Nobody waits for a sink, and few records do. */
export class Outlet {
  readonly #sink: LogSink;
  readonly #maxPending: number;
  readonly #onDrop: (count: number) => void;
  readonly #clock: Clock;
  #pending = 0;
  #dropped = 0;
  #untold = 0;
  #isQuiet = false;

  constructor(sink: LogSink, maxPending: number, onDrop: (count: number) => void, clock: Clock) {
    this.#sink = sink;
    this.#maxPending = maxPending;
    this.#onDrop = onDrop;
    this.#clock = clock;
  }

  /** How many records were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Makes a record and writes it. What cannot be made is dropped like what cannot be written. */
  write(make: () => CallRecord): void {
    try {
      const writing: unknown = this.#pending < this.#maxPending ? this.#sink.write(make()) : this.#drop();
      if (!isThenable(writing)) return;
      this.#pending++;
      // These know nothing of the record: while a sink is slow, it alone decides what is held.
      Promise.resolve(writing).then(this.#written, this.#lost);
    } catch {
      this.#drop();
    }
  }

  #drop(): void {
    this.#dropped++;
    this.#untold++;
    if (!this.#isQuiet) this.#tell();
  }

  readonly #written = (): void => {
    this.#pending--;
  };

  readonly #lost = (): void => {
    this.#pending--;
    this.#drop();
  };

  readonly #tell = (): void => {
    const count = this.#untold;
    this.#untold = 0;
    this.#isQuiet = count > 0;
    if (count === 0) return;
    tell(this.#onDrop, count);
    this.#clock.after(TELL_MS, this.#tell);
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
