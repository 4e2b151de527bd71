import { type Call, type ContextKey, contextKey } from "@gatewright/core";
import {
  createContextKey,
  context as current,
  ProxyTracerProvider,
  propagation,
  SpanKind,
  type TextMapGetter,
  type TextMapSetter,
  type Context as TraceContext,
  trace,
} from "@opentelemetry/api";

/**
 * Whether any trace is begun or passed on in this process at the moment: there is an SDK, or a propagator alone, which says by
 * its fields what it passes on.
 * @see https://opentelemetry.io/docs/specs/otel/context/api-propagators/#fields
 */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  const isNobody = provider instanceof ProxyTracerProvider && provider.getDelegate() === NOBODY;
  return !isNobody || propagation.fields().length > 0;
}

/** What stands for the SDK while none is registered. */
const NOBODY = new ProxyTracerProvider().getDelegate();

/** Where the spans of a call belong: set by the layer around the call, for those further in. */
export const callTrace: ContextKey<TraceContext | undefined> = contextKey<TraceContext | undefined>(
  "call trace",
  undefined,
);

/** Under which the context of a call's trace holds something that no other call's does. */
export const CALL: symbol = createContextKey("gatewright call");

/** Where a call of the gateway comes from. */
export interface Parent {
  readonly context: TraceContext;
  /** `INTERNAL` within a span of this process, such as that of the HTTP server; else `SERVER`. */
  readonly kind: SpanKind;
}

/**
 * The parent of a call: the active span, where it belongs to the same trace as the caller's `traceparent` or there is none;
 * else what the header says; else nothing, and a new trace begins. Baggage ends here.
 */
export function parentOf({ headers }: Call): Parent {
  const active = current.active();
  const local = trace.getSpanContext(active);
  const extracted = propagation.extract(active, headers, HEADERS);
  const isWithin = local !== undefined && trace.getSpanContext(extracted)?.traceId === local.traceId;
  const context = withoutBaggage(isWithin ? active : extracted);
  return { context, kind: isWithin ? SpanKind.INTERNAL : SpanKind.SERVER };
}

/** The parent of a call of a provider: what is active, where that belongs to this very call; else the call's own span. */
export function parentOfAttempt({ context }: Call): TraceContext {
  const own = context.get(callTrace);
  const active = current.active();
  if (!own) return withoutBaggage(active);
  return active.getValue(CALL) === own.getValue(CALL) ? active : own;
}

/** What a caller, or whoever called it, sent along is for nobody else: other instrumentation would hand it to providers. */
function withoutBaggage(context: TraceContext): TraceContext {
  return propagation.getBaggage(context) ? propagation.deleteBaggage(context) : context;
}

/** What a provider is sent of a trace: `traceparent` and `tracestate`, and nothing else that a propagator would add. */
export function headersFor(context: TraceContext): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context, headers, TO_PROVIDERS);
  return headers;
}

const HEADERS: TextMapGetter<Call["headers"]> = {
  keys: (headers) => Object.keys(headers).filter((name) => name !== "baggage"),
  get: (headers, name) => (name === "baggage" ? undefined : headers[name]),
};

const SENT: ReadonlySet<string> = new Set(["traceparent", "tracestate"]);
/** What can stand in a header. */
const VALUE = /^[\x20-\x7e]{1,512}$/;

const TO_PROVIDERS: TextMapSetter<Record<string, string>> = {
  set(headers, name, value) {
    if (SENT.has(name) && VALUE.test(value)) headers[name] = value;
  },
};
