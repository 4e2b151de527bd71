import assert from "node:assert/strict";
import { createServer, type Server, type ServerOptions } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type AttemptRecord,
  type CallRecord,
  type CircuitBreakerOptions,
  type Clock,
  circuitBreaker,
  compose,
  concurrency,
  endOn,
  fallback,
  type GatewayOptions,
  gateway,
  type Handler,
  hold,
  log as logCalls,
  type Middleware,
  memoryStore,
  onEnd,
  type RetryOptions,
  rateLimit,
  retry,
  type Store,
  systemClock,
  type TimeoutLimits,
  timeout,
  toNode,
  type Usage,
} from "@gatewright/core";
import { openai, route } from "@gatewright/providers";
import { type Simulator, startSimulator } from "@gatewright/simulator";
import { Agent } from "undici";
import { listen } from "../listen.ts";
import { ownClock } from "../own-clock.ts";
import { Caller } from "./caller.ts";

/** What may differ from one fault to the next. */
export interface LabOptions {
  /** Whether a second target stands by for every model. */
  readonly backup?: boolean;
  /** Whether answers are held until they have finished. */
  readonly hold?: boolean;
  readonly call?: TimeoutLimits;
  readonly attempt?: TimeoutLimits;
  readonly retry?: RetryOptions;
  readonly breaker?: CircuitBreakerOptions;
  readonly gateway?: GatewayOptions;
  /** Layers between the fallback and the breaker. */
  readonly layers?: readonly Middleware[];
  /** Where the first target is; default a simulator. */
  readonly primaryUrl?: string;
  /** How its connections are made; by default one may take 300 ms. */
  readonly connect?: Agent.Options["connect"];
  /** In place of the first target. */
  readonly primaryHandler?: Handler;
  /** A server of its own in place of the first simulator; it is closed with the lab. */
  readonly primaryServer?: () => Promise<TargetServer>;
  /** How the first target is made of where it is, where it is not one provider with one key. */
  readonly makePrimary?: (at: TargetPlace) => Handler;
  /** With what the server is made on which the gateway is. */
  readonly server?: ServerOptions;
  /** Of the server on which the gateway is. */
  readonly prepare?: (server: Server) => void;
}

/** Something that listens where a provider should be. */
export interface TargetServer {
  /** The base URL of its API. */
  readonly url: string;
  close(): Promise<void>;
}

/** What a target of the lab is made of. */
interface TargetPlace {
  readonly url: string;
  readonly dispatcher: Agent;
  readonly clock: Clock;
}

/** One line a call. */
export interface LogLine {
  readonly id: string;
  readonly outcome: CallRecord["outcome"];
  readonly code: string | undefined;
  /** Of the error. */
  readonly status: number | undefined;
  /** What the log has of the call. */
  readonly record: CallRecord;
  /** What was tried: `primary 503, backup 200`. */
  readonly tried: string;
  /** What the provider reported, as it did. */
  readonly usage: Usage | undefined;
}

/** A gateway with everything mounted, between a caller and two simulated providers, all on real ports. */
export interface Lab {
  readonly caller: Caller;
  readonly primary: Simulator;
  readonly backup: Simulator;
  readonly log: readonly LogLine[];
  /** Ends what is in flight, as a server does that waits no longer. */
  readonly closing: AbortController;
  readonly breaker: ReturnType<typeof circuitBreaker>;
  /** Resolves once nothing is in flight; fails where something is left: a slot, a timer, a call of a provider. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** More tokens than all calls of a lab use together. */
const MUCH = 1e12;
/** What each call reserves; far more than it uses, so that a reservation that is not released is seen. */
const RESERVED = 1e7;

/** Of how many calls the reservation is still there. */
async function reservedIn(counts: Store): Promise<number> {
  const key = "rateLimit|tokens per all calls window 3600000|";
  const rate = { kind: "window", capacity: MUCH, periodMs: 3_600_000 } as const;
  const { states } = await counts.draw("all", [{ key, rate, cost: 0 }], false);
  return Math.floor((MUCH - (states[0]?.remaining ?? 0)) / RESERVED);
}

/** Milliseconds after which something that is left counts as forgotten. */
const PATIENCE_MS = 3000;

export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const [primary, backup] = await Promise.all([startSimulator(), startSimulator({ seed: 2 })]);
  const agent = new Agent({ connect: options.connect ?? { timeout: 300 } });
  const clock = ownClock(systemClock);
  const log: LogLine[] = [];
  const closing = new AbortController();
  const usages = new Map<string, Usage | undefined>();
  const calls = logCalls({
    sink: {
      write(record) {
        const { request_id: id, outcome, error, attempts } = record;
        const { code, status } = error ?? {};
        log.push({ id, outcome, code, status, record, tried: tell(attempts), usage: usages.get(id) });
      },
    },
    clock,
  });
  const watchUsage: Middleware = async (request, next) => {
    const { call } = request;
    return onEnd(await next(request), ({ usage }) => usages.set(call.id, usage), call.signal);
  };
  const counts = memoryStore({ clock });
  const tokens = rateLimit({
    limits: [{ tokens: MUCH, windowMs: 3_600_000, per: [] }],
    store: counts,
    assumedOutputTokens: RESERVED,
  });
  const slots = concurrency({ max: 1000, per: () => "all", clock });
  const breaker = circuitBreaker({ clock, ...options.breaker });
  const server = await options.primaryServer?.();
  const place = { url: options.primaryUrl ?? server?.url ?? primary.url, dispatcher: agent, clock };
  const first =
    options.primaryHandler ??
    options.makePrimary?.(place) ??
    openai({ name: "primary", baseUrl: place.url, apiKey: KEY, dispatcher: agent });
  const pipeline = compose(
    [
      calls,
      watchUsage,
      endOn(closing.signal),
      timeout({ clock, ...(options.call ?? { totalMs: 5000 }) }),
      tokens,
      slots,
      fallback({ models: options.backup ? { "*": ["backup"] } : {}, clock }),
      ...(options.layers ?? []),
      breaker,
      retry({ baseDelayMs: 20, throttleDelayMs: 40, maxDelayMs: 3000, clock, ...options.retry }),
      ...(options.hold ? [hold()] : []),
      timeout({ clock, ...(options.attempt ?? { firstTokenMs: 400, completionMs: 400, idleMs: 400 }) }),
    ],
    route({ backup: openai({ name: "backup", baseUrl: backup.url, dispatcher: agent }), "*": first }),
  );
  const api = gateway(pipeline, {
    clock,
    ...options.gateway,
    onError: calls.onError,
  });
  const httpServer = createServer(options.server ?? {}, toNode(api));
  options.prepare?.(httpServer);
  const listening = await listen(httpServer);
  const caller = new Caller(listening.port);

  return {
    caller,
    primary,
    backup,
    log,
    closing,
    breaker,
    async settled() {
      const left = async (): Promise<unknown> => ({
        reserved: await reservedIn(counts),
        slots: slots.load(),
        timers: clock.waiting,
        providerCalls: primary.open + backup.open,
        unlogged: caller.calls - log.length,
      });
      const nothing = { reserved: 0, slots: { inFlight: 0, waiting: 0 }, timers: 0, providerCalls: 0, unlogged: 0 };
      const until = performance.now() + PATIENCE_MS;
      while (performance.now() < until && JSON.stringify(await left()) !== JSON.stringify(nothing)) await sleep(5);
      assert.deepEqual(await left(), nothing, "something is left after the call");
    },
    async close() {
      caller.close();
      clock.stop();
      await listening.close();
      await agent.destroy();
      await Promise.all([primary.close(), backup.close(), server?.close()]);
    },
  };
}

/** What was tried, with what followed on itself told once: `primary 503 ×2, backup 200`. */
function tell(made: readonly AttemptRecord[]): string {
  const runs: { readonly what: string; times: number }[] = [];
  for (const { provider, status, code } of made) {
    const what = `${provider} ${code ? `\`${code}\`` : status}`;
    const last = runs.at(-1);
    if (last?.what === what) last.times++;
    else runs.push({ what, times: 1 });
  }
  return runs.map(({ what, times }) => (times > 1 ? `${what} ×${times}` : what)).join(", ");
}

/** The key of the first target: it must never be seen by a caller. */
export const KEY = "sk-lab-0123456789abcdef0123456789abcdef";
