import type { ChatRequest } from "@gatewright/core";
import { isSpanContextValid, SpanKind, trace } from "@opentelemetry/api";
import { AttemptContext } from "./attempt-context.ts";
import { attribute, CHAT, own } from "./conventions.ts";
import type { Begun } from "./follow.ts";
import type { Recorder } from "./recorder.ts";
import { requestAttributes } from "./request-attributes.ts";
import { shown, shownName } from "./shown.ts";
import { headersFor, parentOfAttempt } from "./trace-context.ts";
import { WatchedAttempt } from "./watched-attempt.ts";

/** Begins a call of a provider. */
export function beginAttempt(recorder: Recorder, request: ChatRequest): Begun | undefined {
  const { call } = request;
  const instruments = recorder.instruments();
  const parent = parentOfAttempt(call);
  const model = shownName(request.model);
  // What samplers may decide by is there from the beginning.
  const attributes = { [attribute.operation]: CHAT, [attribute.requestModel]: model };
  const span = recorder.tracer.startSpan(`${CHAT} ${model}`, { kind: SpanKind.CLIENT, attributes }, parent);
  const isTraced = isSpanContextValid(span.spanContext());
  if (!instruments && !isTraced) return undefined;

  const within = trace.setSpan(parent, span);
  const context = new AttemptContext(call.context, isTraced && recorder.propagate ? headersFor(within) : {});
  const traced = { ...request, call: { ...call, context } };
  if (!instruments && !span.isRecording()) return { within, request: traced };
  if (span.isRecording()) span.setAttributes({ [own.requestId]: shown(call.id), ...requestAttributes(request) });
  return { within, request: traced, watcher: new WatchedAttempt(recorder, request, context, span, instruments) };
}
