import {
  type Call,
  type Circuit,
  type Clock,
  type ContextKey,
  contextKey,
  type GatewayError,
  type Middleware,
  systemClock,
} from "@gatewright/core";
import { trace } from "@opentelemetry/api";
import { beginAttempt } from "./attempt.ts";
import { beginCall } from "./call.ts";
import { Circuits } from "./circuits.ts";
import { attribute, own, scope } from "./conventions.ts";
import { watching } from "./follow.ts";
import { liveInstruments } from "./instruments.ts";
import { Names } from "./names.ts";
import type { Recorder } from "./recorder.ts";
import { shownName } from "./shown.ts";
import { isTracing } from "./trace-context.ts";

/** What cannot be known from the calls. */
export interface TelemetryOptions {
  /**
   * What the conventions call a provider (`gen_ai.provider.name`), by the name that it has here, such as
   * `{ "azure-eu": "azure.ai.openai" }`; default its own name, and `gcp.gemini` for `gemini`.
   */
  readonly providers?: Readonly<Record<string, string>>;
  /**
   * Whether providers are sent `traceparent` and `tracestate`; default true. Set `false` where they are not to know the trace,
   * or where instrumentation of undici sends them already.
   */
  readonly propagate?: boolean;
  readonly clock?: Clock;
}

/** The layers of one gateway, and what else of it can be told. */
export interface Telemetry {
  /** A span and the metrics of each call of the gateway. Belongs outside of everything but a log. */
  readonly call: Middleware;
  /** A span and the metrics of each call of a provider. Belongs just outside of it, inside of all that tries again. */
  readonly attempt: Middleware;
  /** Counts the changes of circuits and shows their states: for `onChange` of `circuitBreaker`. */
  onCircuit(circuit: Circuit): void;
  /** Counts a call that failed before it came to the layer `call`: for `onError` of `gateway`. Any other is passed over. */
  onRefused(error: GatewayError, call: Call): void;
  /** Shows how many lines a log has dropped so far: `read` is asked whenever metrics are collected, and several are added up. */
  observeDropped(read: () => number): void;
}

/**
 * Traces and metrics by OpenTelemetry's conventions for generative AI, for whichever SDK is registered, now or later. Without one,
 * nothing is recorded. Throws a `TypeError` for a bad option.
 */
export function telemetry({ providers = {}, propagate = true, clock = systemClock }: TelemetryOptions = {}): Telemetry {
  const named = new Map(Object.entries({ gemini: "gcp.gemini", ...providers }));
  for (const [name, value] of named) {
    if (typeof value !== "string" || value === "")
      throw new TypeError(`telemetry: providers["${name}"] must be a text.`);
  }
  if (typeof propagate !== "boolean") throw new TypeError("telemetry: propagate must be true or false.");
  if (typeof clock?.now !== "function") throw new TypeError("telemetry: clock must have a method now.");

  const circuits = new Circuits();
  const logs: (() => number)[] = [];
  const dropped = (): number | undefined =>
    logs.length === 0 ? undefined : logs.reduce((sum, read) => sum + Number(read()), 0);
  const instruments = liveInstruments({ circuits: () => circuits.states(), dropped });
  const recorder: Recorder = {
    tracer: trace.getTracerProvider().getTracer(scope.name, scope.version, scope.options),
    instruments,
    models: new Names(),
    answeredBy: new Names(),
    providerName: (name) => named.get(name) ?? shownName(name),
    propagate,
    clock,
  };
  const isOn = (): boolean => instruments() !== undefined || isTracing();
  const call = watching(isOn, (request) => {
    request.call.context.set(counted, true);
    return beginCall(recorder, request);
  });

  return {
    call,
    attempt: watching(isOn, (request) => beginAttempt(recorder, request)),
    onCircuit(circuit) {
      const target = circuits.changed(circuit);
      instruments()?.circuitChanges.add(1, { [own.circuitTarget]: target, [own.circuitTo]: circuit.state });
    },
    onRefused({ code }, { context }) {
      if (context.get(counted)) return;
      context.set(counted, true);
      const outcome = code === "llm.canceled" ? "canceled" : "failed";
      instruments()?.calls.add(1, { [own.outcome]: outcome, [attribute.errorType]: code });
    },
    observeDropped(read) {
      if (typeof read !== "function") throw new TypeError("telemetry: observeDropped takes a function.");
      logs.push(read);
      instruments();
    },
  };
}

/** Whether a call has been counted, or will be. */
const counted: ContextKey<boolean> = contextKey("counted", false);
