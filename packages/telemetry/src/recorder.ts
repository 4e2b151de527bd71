import type { Clock } from "@gatewright/core";
import type { Tracer } from "@opentelemetry/api";
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
