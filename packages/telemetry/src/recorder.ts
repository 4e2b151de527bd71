import type { Clock } from "@gatewright/core";
import { ProxyTracerProvider, propagation, type Tracer, trace } from "@opentelemetry/api";
import type { Instruments } from "./instruments.ts";
import type { Names } from "./names.ts";

/** What the layers of one gateway record with. */
export interface Recorder {
  readonly tracer: Tracer;
  /** `undefined` where no SDK measures. */
  readonly instruments: () => Instruments | undefined;
  /** The models that were asked for, as values of metrics. */
  readonly models: Names;
  /** The models that have answered. */
  readonly answeredBy: Names;
  /** What the conventions call a provider. */
  readonly providerName: (name: string) => string;
  /** Whether providers are sent `traceparent` and `tracestate`. */
  readonly propagate: boolean;
  readonly clock: Clock;
}

/** Whether any trace is begun or passed on in this process at the moment: there is an SDK, or a propagator alone. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  const isNobody = provider instanceof ProxyTracerProvider && provider.getDelegate() === NOBODY;
  return !isNobody || propagation.fields().length > 0;
}

/** What stands for the SDK while none is registered. */
const NOBODY = new ProxyTracerProvider().getDelegate();
