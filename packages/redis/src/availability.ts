import { type Clock, redact } from "@gatewright/core";
import type { Command, Run } from "./client.ts";
import type { Shard } from "./keys.ts";
import { Patience } from "./patience.ts";

/** Stands for an answer of Redis that did not come in time. */
export const NO_ANSWER: unique symbol = Symbol("no answer");

/** What the store's state changed to. */
export interface StateChange {
  /**
   * `down`: Redis does not answer, or not in time, or refuses to work. `up`: it works again. `lost`: it works, without what
   * it knew before.
   */
  readonly state: "up" | "down" | "lost";
  /** For a log: what Redis or its client said. */
  readonly reason?: string;
}

interface Outage {
  /** Where it began. The probes go there: on a cluster, other nodes may work. */
  readonly shard: Shard;
  /** Until when the probe that is under way is waited for. */
  probingUntil: number;
  nextProbeAt: number;
}

const PROBE_EVERY_MS = 500;
/** After how long a probe is given up: a connection that has gone silent may never answer. */
const PROBE_PATIENCE_MS = 5000;
const MAX_REASON_CHARS = 300;

/**
 * Asks Redis while it is there. After one failure, or one answer that is late, nothing is sent but a probe twice a second,
 * which no caller waits for: so an outage costs one call `timeoutMs`, and all others nothing.
 */
export class Availability {
  readonly #run: Run;
  readonly #probe: (shard: Shard) => Command;
  readonly #timeoutMs: number;
  readonly #tell: (change: StateChange) => void;
  readonly #clock: Clock;
  readonly #patience: Patience;
  #outage: Outage | undefined;
  #failed = 0;
  #timedOut = 0;

  constructor(
    run: Run,
    probe: (shard: Shard) => Command,
    timeoutMs: number,
    tell: (change: StateChange) => void,
    clock: Clock,
  ) {
    this.#run = run;
    this.#probe = probe;
    this.#timeoutMs = timeoutMs;
    this.#tell = tell;
    this.#clock = clock;
    this.#patience = new Patience(timeoutMs, clock);
  }

  get up(): boolean {
    return this.#outage === undefined;
  }

  /** How many commands failed. */
  get failed(): number {
    return this.#failed;
  }

  /** How many commands were not answered in time. */
  get timedOut(): number {
    return this.#timedOut;
  }

  /** The answer to a command, or `NO_ANSWER`; never rejects. An answer that comes later than that goes to `onLate`. */
  ask(shard: Shard, command: Command, onLate?: (answer: unknown) => void): Promise<unknown> {
    if (this.#outage) {
      this.#look(this.#outage);
      return Promise.resolve(NO_ANSWER);
    }
    return new Promise((resolve) => {
      let over = false;
      const end = (answer: unknown): void => {
        over = true;
        cancel();
        resolve(answer);
      };
      const giveUp = (): void => {
        this.#timedOut++;
        this.#fail(shard, `no answer within ${this.#timeoutMs} ms`);
        end(NO_ANSWER);
      };
      const cancel = this.#patience.wait(giveUp);
      this.#run(command).then(
        (answer) => (over ? onLate?.(answer) : end(answer)),
        (thrown: unknown) => {
          if (over) return;
          this.#failed++;
          this.#fail(shard, reasonOf(thrown));
          end(NO_ANSWER);
        },
      );
    });
  }

  #fail(shard: Shard, reason: string): void {
    if (this.#outage) return;
    this.#outage = { shard, probingUntil: 0, nextProbeAt: this.#clock.now() + PROBE_EVERY_MS };
    this.#tell({ state: "down", reason });
  }

  /**
   * Begins a probe, if it is time and the last one is over or given up: a client that queues what it cannot send gets one in
   * five seconds at the most.
   */
  #look(outage: Outage): void {
    const now = this.#clock.now();
    if (now < outage.probingUntil || now < outage.nextProbeAt) return;
    const until = now + PROBE_PATIENCE_MS;
    outage.probingUntil = until;
    outage.nextProbeAt = now + PROBE_EVERY_MS;
    const end = (works: boolean): void => {
      if (outage.probingUntil === until) outage.probingUntil = 0;
      // One that is answered late shows that calls would be, too; and what is over is over.
      if (!works || this.#clock.now() - now > this.#timeoutMs || this.#outage !== outage) return;
      this.#outage = undefined;
      this.#tell({ state: "up" });
    };
    this.#run(this.#probe(outage.shard)).then(
      () => end(true),
      () => end(false),
    );
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "the client failed";
  // An error for several addresses has no message of its own, only a code.
  const text = thrown.message || ("code" in thrown ? String(thrown.code) : thrown.name);
  // A server that does not know a command may repeat it, with the password in it.
  return redact(text, [], MAX_REASON_CHARS);
}
