import assert from "node:assert/strict";
import { type Attributes, context, metrics, propagation, type SpanContext, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** What is registered; default all of it. */
export interface SdkOptions {
  readonly traces?: boolean;
  readonly metrics?: boolean;
  /** Whether the context follows what is asynchronous. */
  readonly contexts?: boolean;
  readonly sampler?: Sampler;
}

export interface Sdk extends AsyncDisposable {
  /** The spans that have ended. */
  readonly spans: readonly ReadableSpan[];
  /** The spans of a name; `chat` is any of `chat {model}`. */
  named(name: string): ReadableSpan[];
  metrics(): Promise<MetricData[]>;
  /** The points of one metric: their attributes, and their value or the number of values. */
  points(name: string): Promise<readonly Point[]>;
}

interface Point {
  readonly attributes: Attributes;
  /** The value; of a histogram how many there are. */
  readonly value: number;
  /** Of a histogram. */
  readonly sum: number | undefined;
}

/** An OpenTelemetry SDK with exporters in memory, registered until it is disposed of. */
export function startSdk({ traces = true, metrics: measures = true, contexts = true, sampler }: SdkOptions = {}): Sdk {
  const spans = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter: spans })];
  if (traces) trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors, ...(sampler && { sampler }) }));
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
  if (contexts) context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e9, exportTimeoutMillis: 1e8 });
  const meters = new MeterProvider({ readers: [reader] });
  if (measures) metrics.setGlobalMeterProvider(meters);

  const collect = async (): Promise<MetricData[]> => {
    const { resourceMetrics, errors } = await reader.collect();
    assert.deepEqual(errors, []);
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  };
  return {
    get spans() {
      return spans.getFinishedSpans();
    },
    named: (name) => spans.getFinishedSpans().filter((span) => span.name === name || span.name.startsWith(`${name} `)),
    metrics: collect,
    async points(name) {
      const found = (await collect()).find(({ descriptor }) => descriptor.name === name);
      return (found?.dataPoints ?? []).map(({ attributes, value }) =>
        typeof value === "number"
          ? { attributes, value, sum: undefined }
          : { attributes, value: value.count, sum: value.sum },
      );
    },
    async [Symbol.asyncDispose]() {
      trace.disable();
      metrics.disable();
      propagation.disable();
      context.disable();
      await meters.shutdown();
    },
  };
}

/** The id of a span, as its children name it. */
export function idOf(span: ReadableSpan | undefined): string {
  assert.ok(span);
  return span.spanContext().spanId;
}

/** A context as a caller sends it. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags}`;
}
