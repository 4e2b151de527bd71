import {
  type Counter,
  createNoopMeter,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  type UpDownCounter,
  ValueType,
} from "@opentelemetry/api";
import { DURATION_BUCKETS, own, scope, TOKEN_BUCKETS } from "./conventions.ts";

/** What is counted and measured: the first four by the conventions. */
export interface Instruments {
  readonly operationDuration: Histogram;
  readonly timeToFirstChunk: Histogram;
  readonly timePerOutputChunk: Histogram;
  readonly tokenUsage: Histogram;
  readonly calls: Counter;
  readonly active: UpDownCounter;
  readonly callDuration: Histogram;
  readonly callTimeToFirstChunk: Histogram;
  readonly retries: Counter;
  readonly fallbacks: Counter;
  readonly limitDecisions: Counter;
  readonly cacheLookups: Counter;
  readonly circuitChanges: Counter;
}

/** What is looked at whenever metrics are collected. */
export interface Observed {
  /** Every circuit that is known, and its state: 0 closed, 1 half-open, 2 open. */
  readonly circuits: () => Iterable<readonly [target: string, state: number]>;
  /** How many lines of logs were dropped so far; `undefined` where nobody counts them. */
  readonly dropped: () => number | undefined;
}

/**
 * The instruments of the SDK that is registered at the moment, or `undefined` where none is: then there is nothing to
 * measure for. An SDK that is registered later is found as well.
 */
export function liveInstruments(observed: Observed): () => Instruments | undefined {
  let known: MeterProvider | undefined;
  let live: Instruments | undefined;
  return () => {
    const provider = metrics.getMeterProvider();
    if (provider !== known) {
      known = provider;
      const meter = provider.getMeter(scope.name, scope.version, scope.options);
      live = meter === createNoopMeter() ? undefined : create(meter, observed);
    }
    return live;
  };
}

function create(meter: Meter, { circuits, dropped }: Observed): Instruments {
  const seconds = (name: string, description: string): Histogram =>
    meter.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
    });
  const counter = (name: string, unit: string, description: string): Counter =>
    meter.createCounter(name, { description, unit, valueType: ValueType.INT });

  meter
    .createObservableGauge("gatewright.circuit.state", {
      description: "The circuit of a target: 0 closed, 1 half-open, 2 open.",
      unit: "1",
      valueType: ValueType.INT,
    })
    .addCallback((result) => {
      for (const [target, state] of circuits()) result.observe(state, { [own.circuitTarget]: target });
    });
  meter
    .createObservableCounter("gatewright.log.dropped", {
      description: "Lines of logs that were dropped.",
      unit: "{line}",
      valueType: ValueType.INT,
    })
    .addCallback((result) => {
      const lines = dropped();
      if (lines !== undefined) result.observe(lines);
    });

  return {
    operationDuration: seconds("gen_ai.client.operation.duration", "How long calls of providers took."),
    timeToFirstChunk: seconds(
      "gen_ai.client.operation.time_to_first_chunk",
      "How long providers took to the first chunk of a stream.",
    ),
    timePerOutputChunk: seconds(
      "gen_ai.client.operation.time_per_output_chunk",
      "How long each later chunk of a stream came after the one before.",
    ),
    tokenUsage: meter.createHistogram("gen_ai.client.token.usage", {
      description: "Tokens that providers reported.",
      unit: "{token}",
      valueType: ValueType.INT,
      advice: { explicitBucketBoundaries: [...TOKEN_BUCKETS] },
    }),
    calls: counter("gatewright.calls", "{call}", "Calls of the gateway, by how they ended."),
    active: meter.createUpDownCounter("gatewright.call.active", {
      description: "Calls of the gateway in flight.",
      unit: "{call}",
      valueType: ValueType.INT,
    }),
    callDuration: seconds("gatewright.call.duration", "How long calls of the gateway took."),
    callTimeToFirstChunk: seconds(
      "gatewright.call.time_to_first_chunk",
      "How long callers waited for the first visible chunk of a stream.",
    ),
    retries: counter("gatewright.retries", "{retry}", "Calls of a target that had just failed."),
    fallbacks: counter("gatewright.fallbacks", "{fallback}", "Calls of another target than the one that had failed."),
    limitDecisions: counter("gatewright.limit.decisions", "{decision}", "Decisions of limits."),
    cacheLookups: counter("gatewright.cache.lookups", "{lookup}", "Look-ups in what layers keep."),
    circuitChanges: counter("gatewright.circuit.changes", "{change}", "Changes of circuits, by what they became."),
  };
}
