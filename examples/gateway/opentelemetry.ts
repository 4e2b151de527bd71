import type { IncomingMessage, ServerResponse } from "node:http";
import { redact } from "@gatewright/core";
import { context, DiagLogLevel, diag, metrics, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, type MetricReader, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import type { Config } from "./config.ts";

export interface OpenTelemetry {
  /** Answers a scrape of Prometheus. */
  readonly scrape: (request: IncomingMessage, response: ServerResponse) => void;
  /** Sends what is left. */
  readonly shutdown: () => Promise<void>;
}

/** How long the collector may take to get what is left, in milliseconds. */
const SHUTDOWN_MS = 2000;

/**
 * Metrics for Prometheus, and where a collector is configured, traces and metrics for it. The queue for it is bounded: while it is
 * gone, spans are dropped, and counted in `otel.sdk.processor.span.processed`. The exporters read OTEL_EXPORTER_OTLP_* themselves.
 */
export function startOpenTelemetry({ otlp, environment, region, traceShare }: Config, log: Logger): OpenTelemetry {
  const tell = (message: string, ...more: unknown[]): void =>
    log.warn(`telemetry: ${redact([message, ...more].join(" "))}`);
  const nothing = (): void => {};
  diag.setLogger({ error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing }, DiagLogLevel.WARN);
  const own = resourceFromAttributes({
    "service.name": "gatewright",
    ...(environment && { "deployment.environment.name": environment }),
    ...(region && { "cloud.region": region }),
  });
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.
  const resource = defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
  const prometheus = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const readers: MetricReader[] = [prometheus];
  if (otlp.metrics) readers.push(new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() }));
  const meters = new MeterProvider({ resource, readers });
  metrics.setGlobalMeterProvider(meters);
  let tracers: TracerProvider | undefined;
  if (otlp.traces) {
    const exporter = new OTLPTraceExporter();
    tracers = new TracerProvider({
      resource,
      // Of those, too, whose callers ask for a trace: what is traced is the gateway's own affair.
      sampler: sampling(traceShare),
      spanProcessors: [new BatchSpanProcessor({ exporter, selfObsMeterProvider: meters })],
    });
    trace.setGlobalTracerProvider(tracers);
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  }
  return {
    scrape: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    async shutdown() {
      // A collector that is gone does not keep the gateway from ending.
      const late = new Promise((resolve) => setTimeout(resolve, SHUTDOWN_MS).unref());
      await Promise.race([Promise.allSettled([tracers?.shutdown(), meters.shutdown()]), late]);
    },
  };
}

function sampling(traceShare: number): ParentBasedSampler {
  const share = new TraceIdRatioBasedSampler(traceShare);
  return new ParentBasedSampler({ root: share, remoteParentSampled: share });
}
