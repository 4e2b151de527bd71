import { untilOver } from "../abort.ts";
import type { ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { GatewayError, isOutage } from "../error.ts";
import { numberIn, wholeIn } from "../options.ts";
import { Recent } from "../recent.ts";
import { Rolling } from "../rolling.ts";
import { tell } from "../tell.ts";
import { returnTry, spareTargets } from "../tries.ts";

/** When a circuit opens, and for how long. */
export interface CircuitBreakerOptions {
  /** The share of failures from which on a circuit opens; default 0.5. */
  readonly failureShare?: number;
  /** How many calls within the window it takes for that; default 10. */
  readonly minimumCalls?: number;
  /** What is looked at, in milliseconds; default the last 10,000. */
  readonly windowMs?: number;
  /** How long a circuit stays open at first, in milliseconds; default 5,000. Each failed probe doubles it. */
  readonly openMs?: number;
  /** The longest it stays open, in milliseconds; default 60,000. */
  readonly maxOpenMs?: number;
  /**
   * What a circuit is kept for; default the model. Of a thousand one that is closed and was not used for long is
   * forgotten: where callers may name any model, give the provider.
   */
  readonly target?: (request: ChatRequest) => string;
  /** Told of every change of a circuit. */
  readonly onChange?: (circuit: Circuit) => void;
  readonly clock?: Clock;
}

/** A circuit as it is: calls go through (`closed`), none do (`open`), or one is asked to probe (`half-open`). */
export interface Circuit {
  readonly target: string;
  readonly state: "closed" | "open" | "half-open";
  /** Of the calls within the window that have ended. */
  readonly calls: number;
  readonly failures: number;
  /** In how many milliseconds the next probe may go; 0 where the circuit is not open. */
  readonly probeInMs: number;
}

export interface CircuitBreaker extends Middleware {
  /** The circuits of the targets called last, up to a thousand. */
  circuits(): readonly Circuit[];
}

/**
 * Stops asking a target that keeps failing: `llm.provider.circuit_open` at once, until a single probe has succeeded. Only
 * outages count: a refusal of the request, of a key or of more calls, or a caller who left, says nothing of a target's
 * health. Where there is no other target, one that still answers some calls is asked on: only one without a single
 * success is given up on. Throws a `TypeError` for a bad option.
 */
export function circuitBreaker({
  failureShare = 0.5,
  minimumCalls = 10,
  windowMs = 10_000,
  openMs = 5000,
  maxOpenMs = 60_000,
  target = ({ model }) => model,
  onChange = () => {},
  clock = systemClock,
}: CircuitBreakerOptions = {}): CircuitBreaker {
  const settings: Settings = {
    failureShare: numberIn("circuitBreaker", "failureShare", failureShare, 0.01, 1),
    minimumCalls: wholeIn("circuitBreaker", "minimumCalls", minimumCalls, 1, 1_000_000),
    windowMs: numberIn("circuitBreaker", "windowMs", windowMs, 10, 3_600_000),
    openMs: numberIn("circuitBreaker", "openMs", openMs, 1, 3_600_000),
    maxOpenMs: numberIn("circuitBreaker", "maxOpenMs", maxOpenMs, openMs, 86_400_000),
    clock,
    onChange,
  };
  // Names that callers make up do not push an open circuit out.
  const breakers = new Recent(
    (name) => new Breaker(name, settings),
    ({ circuit }) => circuit.state !== "closed",
  );

  const layer: Middleware = async (request, next) => {
    const { context } = request.call;
    const pass = breakers.get(target(request)).enter(context.get(spareTargets) > 0);
    if (pass instanceof GatewayError) {
      returnTry(context);
      throw pass;
    }
    const begun = next(request).then((reply) => {
      pass.begun();
      return reply;
    });
    return untilOver(begun, request.call.signal, ({ outcome, error }) => {
      pass.end(outcome === "completed" ? "success" : verdict(error));
    });
  };
  return Object.assign(layer, { circuits: () => Array.from(breakers.values(), (breaker) => breaker.circuit) });
}

type Verdict = "success" | "failure" | "neither";

function verdict(error: GatewayError | undefined): Verdict {
  return error && isOutage(error) ? "failure" : "neither";
}

interface Settings extends Required<Omit<CircuitBreakerOptions, "target">> {}

/** One call's way through a breaker. */
interface Pass {
  /** The answer has begun. */
  begun(): void;
  end(verdict: Verdict): void;
}

class Breaker {
  readonly #target: string;
  readonly #settings: Settings;
  readonly #ended: Rolling<"failure" | "success">;
  #state: Circuit["state"] = "closed";
  #openMs: number;
  #probeAt = 0;
  /** The number of the last probe. */
  #probe = 0;

  constructor(target: string, settings: Settings) {
    this.#target = target;
    this.#settings = settings;
    this.#ended = new Rolling(settings.clock, settings.windowMs);
    this.#openMs = settings.openMs;
  }

  get circuit(): Circuit {
    const [failures, successes] = [this.#ended.count("failure"), this.#ended.count("success")];
    const probeInMs = this.#state === "open" ? Math.max(0, this.#probeAt - this.#settings.clock.now()) : 0;
    return { target: this.#target, state: this.#state, calls: failures + successes, failures, probeInMs };
  }

  /** Lets a call in, or says why not. */
  enter(hasSpare: boolean): Pass | GatewayError {
    if (this.#state === "closed") return this.#pass(0);
    const { clock, openMs } = this.#settings;
    const waitMs = this.#probeAt - clock.now();
    if (waitMs <= 0) {
      // A probe that takes longer than the circuit was open does not keep the place from the next.
      this.#probeAt = clock.now() + this.#openMs;
      this.#become("half-open");
      return this.#pass(++this.#probe);
    }
    // The last target is not given up on for its share of failures alone.
    if (!hasSpare && this.#ended.count("success") > 0) return this.#pass(0);
    return new GatewayError("llm.provider.circuit_open", `${this.#target} has failed too often and is not asked now.`, {
      retryAfterMs: this.#state === "open" ? waitMs : openMs,
    });
  }

  #pass(probe: number): Pass {
    // What an earlier probe comes to says nothing any more.
    const decides = (): boolean => probe === this.#probe && this.#state === "half-open";
    return {
      begun: () => {
        // Whether the answer is whole is known much later: that it has begun shows that the target is back.
        if (decides()) this.#close();
      },
      end: (verdict) => {
        if (verdict === "success" && (probe === 0 || probe === this.#probe)) this.#openMs = this.#settings.openMs;
        if (verdict !== "neither") this.#ended.add(verdict);
        if (decides()) this.#probed(verdict);
        else if (verdict === "failure") this.#judge();
      },
    };
  }

  #probed(verdict: Verdict): void {
    if (verdict === "success") this.#close();
    // A probe that says nothing leaves the place to the next.
    else if (verdict === "neither") this.#open(0);
    else {
      this.#openMs = Math.min(this.#openMs * 2, this.#settings.maxOpenMs);
      this.#open(this.#openMs);
    }
  }

  #judge(): void {
    const failures = this.#ended.count("failure");
    const calls = failures + this.#ended.count("success");
    const { minimumCalls, failureShare } = this.#settings;
    if (this.#state === "closed" && calls >= minimumCalls && failures >= calls * failureShare) this.#open(this.#openMs);
  }

  #open(ms: number): void {
    this.#probeAt = this.#settings.clock.now() + ms;
    this.#become("open");
  }

  #close(): void {
    this.#ended.clear();
    this.#become("closed");
  }

  #become(state: Circuit["state"]): void {
    if (state === this.#state) return;
    this.#state = state;
    tell(this.#settings.onChange, this.circuit);
  }
}
