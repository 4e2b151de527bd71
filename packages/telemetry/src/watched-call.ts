import {
  attempts,
  type ChatRequest,
  cacheLookups,
  caller,
  callerId,
  limitDecisions,
  type TriesAgain,
  triesAgain,
} from "@gatewright/core";
import type { Attributes, Span } from "@opentelemetry/api";
import { attribute, own } from "./conventions.ts";
import { type Ended, endAttributes, endSpan } from "./failure.ts";
import type { Watcher } from "./follow.ts";
import type { Instruments } from "./instruments.ts";
import type { Recorder } from "./recorder.ts";
import { shown } from "./shown.ts";

/** One call of the gateway, from its beginning to its end. */
export class WatchedCall implements Watcher {
  readonly #recorder: Recorder;
  readonly #request: ChatRequest;
  readonly #span: Span;
  readonly #instruments: Instruments | undefined;
  readonly #startedAt: number;
  #firstChunk: number | undefined;

  constructor(recorder: Recorder, request: ChatRequest, span: Span, instruments: Instruments | undefined) {
    this.#recorder = recorder;
    this.#request = request;
    this.#span = span;
    this.#instruments = instruments;
    this.#startedAt = recorder.clock.now();
    instruments?.active.add(1);
  }

  begun(): void {
    if (this.#request.stream) this.#firstChunk = this.#seconds();
  }

  ended(how: Ended): void {
    // Of what is not streamed, nothing was passed on before all of it was there.
    const failed = how.outcome === "interrupted" && !this.#request.stream;
    const end: Ended = failed ? { ...how, outcome: "failed" } : how;
    const { context } = this.#request.call;
    const made = context.get(attempts);
    const tries = triesAgain(made);
    // A name that has led to an answer is one that the gateway serves, whatever it is called further in.
    if (made.length > 0 && end.outcome === "completed") this.#recorder.models.admit(this.#request.model, true);
    try {
      if (this.#instruments) this.#measure(this.#instruments, end, tries);
    } finally {
      if (this.#span.isRecording()) this.#tell(end, tries);
    }
  }

  #measure(instruments: Instruments, end: Ended, { retries, fallbacks }: TriesAgain): void {
    const { context } = this.#request.call;
    const how = endAttributes(end);
    const model = this.#modelAttributes(this.#request.model);
    instruments.active.add(-1);
    instruments.calls.add(1, how);
    instruments.callDuration.record(this.#seconds(), { ...how, ...model });
    if (this.#firstChunk !== undefined) instruments.callTimeToFirstChunk.record(this.#firstChunk, model);
    for (const again of retries) instruments.retries.add(1, this.#targetAttributes(again));
    for (const other of fallbacks) instruments.fallbacks.add(1, this.#targetAttributes(other));
    for (const { layer, allowed, dryRun } of context.get(limitDecisions)) {
      const decided = { [own.layer]: layer, [own.limitAllowed]: allowed, [own.limitDryRun]: dryRun };
      instruments.limitDecisions.add(1, decided);
    }
    for (const { layer, hit } of context.get(cacheLookups)) {
      instruments.cacheLookups.add(1, { [own.layer]: layer, [own.cacheHit]: hit });
    }
  }

  #tell(end: Ended, { retries, fallbacks }: TriesAgain): void {
    const { context } = this.#request.call;
    const hits = context.get(cacheLookups).filter(({ hit }) => hit);
    endSpan(this.#span, end, {
      ...(context.get(caller) && { [own.caller]: shown(callerId(this.#request.call)) }),
      ...(retries.length > 0 && { [own.retries]: retries.length }),
      ...(fallbacks.length > 0 && { [own.fallbacks]: fallbacks.length }),
      ...(hits.length > 0 && { [own.cacheHits]: hits.map(({ layer }) => layer) }),
    });
  }

  #targetAttributes({ provider, model }: { readonly provider: string; readonly model: string }): Attributes {
    return { [attribute.provider]: this.#recorder.providerName(provider), ...this.#modelAttributes(model) };
  }

  #modelAttributes(model: string): Attributes {
    return { [attribute.requestModel]: this.#recorder.models.of(model) };
  }

  #seconds(): number {
    return (this.#recorder.clock.now() - this.#startedAt) / 1000;
  }
}
