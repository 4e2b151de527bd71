import { untilOver } from "../abort.ts";
import type { Call } from "../call.ts";
import { caller, callerId } from "../caller.ts";
import type { ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { GatewayError } from "../error.ts";
import { numberIn, wholeIn } from "../options.ts";
import { takeLease } from "../stores/lease.ts";
import type { LeaseStore } from "../stores/store.ts";
import { returnTry } from "../tries.ts";
import { type Workload, workload } from "../workload.ts";

/** How many calls, counted how. */
export interface ConcurrencyOptions {
  /**
   * How many calls may be in flight at once for one key. With `per: "caller"`, a `concurrency` of the caller's own takes
   * its place.
   */
  readonly max: number;
  /**
   * What is counted together. `caller` (default): whoever calls, by key or else by address; when full, the caller is told
   * 429. `model`, or a name that a function gives, such as a target's: when full, 503.
   */
  readonly per?: "caller" | "model" | ((request: ChatRequest) => string);
  /** How many more may wait for their turn; default as many as `max`. 0: none. */
  readonly maxWaiting?: number;
  /** How long one waits at the most, in milliseconds; default 10,000. */
  readonly maxWaitMs?: number;
  /**
   * Where slots are shared with other gateways; default: each gateway has `max` of its own. Those who wait at one gateway do so
   * in order; between gateways, whoever asks first when a slot is free has it.
   */
  readonly store?: LeaseStore;
  /** What the slots are called in the store; default `concurrency`. Layers that share a store need names of their own. */
  readonly name?: string;
  readonly clock?: Clock;
}

export interface Concurrency extends Middleware {
  /** How many calls are in flight, and how many wait. */
  load(): { readonly inFlight: number; readonly waiting: number };
}

/**
 * Lets at most so many calls be in flight at once. The others wait in order, `interactive` work before `deferred` and
 * that before `batch` (the context key `workload`); too many, or too long, and a call is refused with
 * `llm.rate_limit.concurrency` or `llm.overloaded` and a guess when there will be room. A slot is held until the answer
 * has ended, however it ends. Throws a `TypeError` for a bad option.
 */
export function concurrency({
  max,
  per = "caller",
  maxWaiting = max,
  maxWaitMs = 10_000,
  store,
  name: layerName = "concurrency",
  clock = systemClock,
}: ConcurrencyOptions): Concurrency {
  wholeIn("concurrency", "max", max, 1, 1_000_000);
  wholeIn("concurrency", "maxWaiting", maxWaiting, 0, 1_000_000);
  numberIn("concurrency", "maxWaitMs", maxWaitMs, 0, 86_400_000);
  if (per !== "caller" && per !== "model" && typeof per !== "function") {
    throw new TypeError('concurrency: per must be "caller", "model" or a function.');
  }
  if (store !== undefined && typeof store.lease !== "function") {
    throw new TypeError("concurrency: store must have the methods lease and release.");
  }
  const name =
    typeof per === "function"
      ? per
      : per === "model"
        ? ({ model }: ChatRequest) => model
        : ({ call }: ChatRequest) => callerId(call);
  const full = (gate: Gate): GatewayError =>
    new GatewayError(
      per === "caller" ? "llm.rate_limit.concurrency" : "llm.overloaded",
      `At most ${gate.max} calls may be in flight at once, and no more may wait: try again in a moment.`,
      { retryAfterMs: gate.guessMs() },
    );
  const usual: Usual = { ms: 1000 };
  // Holds only those in use: one that is empty is forgotten at once.
  const gates = new Map<string, Gate>();

  /** Waits for a slot, and gives back what frees it. */
  const enter = async (key: string, gate: Gate, { signal, context }: Call): Promise<() => void> => {
    const giveUpAt = clock.now() + (maxWaiting === 0 ? 0 : maxWaitMs);
    const leave = await gate.enter(RANK[context.get(workload)], maxWaiting, maxWaitMs, signal, full);
    if (!store) return leave;
    try {
      const wait = { giveUpAt, clock, signal, full: () => full(gate) };
      const release = await takeLease(store, `${layerName}|${key}`, gate.max, wait);
      return () => {
        release();
        leave();
      };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  };

  const layer: Middleware = async (request, next) => {
    const key = name(request);
    const { signal, context } = request.call;
    const gate = gates.get(key) ?? new Gate(usual, clock);
    gates.set(key, gate);
    gate.open((per === "caller" ? context.get(caller)?.concurrency : undefined) ?? max);
    const forget = (): void => {
      if (gate.idle) gates.delete(key);
    };
    let release: () => void;
    try {
      release = await enter(key, gate, request.call);
    } catch (thrown) {
      returnTry(context);
      throw thrown;
    } finally {
      forget();
    }
    const leave = (): void => {
      release();
      forget();
    };
    return untilOver(next(request), signal, leave);
  };
  const load = (): { inFlight: number; waiting: number } => {
    const sum = { inFlight: 0, waiting: 0 };
    for (const { inFlight, waiting } of gates.values()) {
      sum.inFlight += inFlight;
      sum.waiting += waiting;
    }
    return sum;
  };
  return Object.assign(layer, { load });
}

/** Lower ranks go first. */
const RANK: Readonly<Record<Workload, number>> = { interactive: 0, deferred: 1, batch: 2 };

interface Waiter {
  readonly rank: number;
  readonly letIn: () => void;
}

/** How long calls took of late, in milliseconds, whoever made them. */
interface Usual {
  ms: number;
}

/** The slots of one key, and who waits for them. */
class Gate {
  #max = 0;
  readonly #clock: Clock;
  /** In the order in which they are let in. */
  readonly #queue: Waiter[] = [];
  #inFlight = 0;
  readonly #usual: Usual;

  constructor(usual: Usual, clock: Clock) {
    this.#usual = usual;
    this.#clock = clock;
  }

  /** How many may be in flight. */
  get max(): number {
    return this.#max;
  }

  /** Sets how many may be in flight, and lets in who waits and may come now. */
  open(max: number): void {
    this.#max = max;
    while (this.#inFlight < max && this.#queue.length > 0) this.#queue.shift()?.letIn();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get idle(): boolean {
    return this.#inFlight === 0 && this.#queue.length === 0;
  }

  /** About when there will be room for one more, in milliseconds: from a second to a minute. */
  guessMs(): number {
    const ahead = Math.ceil((this.#queue.length + 1) / this.#max);
    return Math.min(60_000, Math.max(1000, ahead * this.#usual.ms));
  }

  /** Takes a slot, and gives back what frees it. Throws what `full` makes, or the signal's reason. */
  enter(
    rank: number,
    maxWaiting: number,
    maxWaitMs: number,
    signal: AbortSignal,
    full: (gate: this) => GatewayError,
  ): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#inFlight < this.#max) return resolve(this.#take());
      if (this.#queue.length >= maxWaiting) return reject(full(this));
      const settle = (): void => {
        cancel();
        signal.removeEventListener("abort", leave);
      };
      const waiter: Waiter = {
        rank,
        letIn: () => {
          settle();
          resolve(this.#take());
        },
      };
      const giveUp = (reason: unknown): void => {
        settle();
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        reject(reason);
      };
      const leave = (): void => giveUp(signal.reason);
      const cancel = this.#clock.after(maxWaitMs, () => giveUp(full(this)));
      signal.addEventListener("abort", leave, { once: true });
      const behind = this.#queue.findIndex((other) => other.rank > rank);
      this.#queue.splice(behind === -1 ? this.#queue.length : behind, 0, waiter);
    });
  }

  #take(): () => void {
    const since = this.#clock.now();
    this.#inFlight++;
    return () => {
      this.#inFlight--;
      this.#usual.ms += (this.#clock.now() - since - this.#usual.ms) * 0.1;
      this.open(this.#max);
    };
  }
}
