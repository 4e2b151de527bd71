import type { ChatRequest } from "@gatewright/core";
import { isSpanContextValid, trace } from "@opentelemetry/api";
import { own } from "./conventions.ts";
import type { Begun } from "./follow.ts";
import type { Recorder } from "./recorder.ts";
import { schemaAttributes } from "./request-attributes.ts";
import { shown, shownName } from "./shown.ts";
import { CALL, callTrace, parentOf } from "./trace-context.ts";
import { WatchedCall } from "./watched-call.ts";

/** Begins a call of the gateway. */
export function beginCall(recorder: Recorder, request: ChatRequest): Begun | undefined {
  const { call } = request;
  const instruments = recorder.instruments();
  const parent = parentOf(call);
  const span = recorder.tracer.startSpan("gatewright.call", { kind: parent.kind }, parent.context);
  if (!instruments && !isSpanContextValid(span.spanContext())) return undefined;

  const within = trace.setSpan(parent.context, span).setValue(CALL, span);
  call.context.set(callTrace, within);
  if (!instruments && !span.isRecording()) return { within, request };
  if (span.isRecording()) {
    span.setAttributes({
      [own.requestId]: shown(call.id),
      [own.model]: shownName(request.model),
      ...schemaAttributes(request),
    });
  }
  return { within, request, watcher: new WatchedCall(recorder, request, span, instruments) };
}
