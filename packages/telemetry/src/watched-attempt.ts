import type { ChatChunk, ChatReply, ChatRequest, Usage } from "@gatewright/core";
import type { Attributes, Span } from "@opentelemetry/api";
import { AnswerFacts, isCount } from "./answer-facts.ts";
import type { AttemptContext } from "./attempt-context.ts";
import { attribute, CHAT, OTHER, own } from "./conventions.ts";
import { type Ended, endSpan, errorAttributes, provesModel } from "./failure.ts";
import type { Watcher } from "./follow.ts";
import type { Instruments } from "./instruments.ts";
import type { Recorder } from "./recorder.ts";
import { shown } from "./shown.ts";

/** One call of a provider, from its beginning to its end. */
export class WatchedAttempt implements Watcher {
  readonly #recorder: Recorder;
  readonly #request: ChatRequest;
  readonly #values: AttemptContext;
  readonly #span: Span;
  readonly #instruments: Instruments | undefined;
  readonly #startedAt: number;
  readonly #facts = new AnswerFacts();
  /** The provider's name, where its answer says so. */
  #answeredBy: string | undefined;
  /** Seconds until the first visible chunk of a stream. */
  #firstChunk: number | undefined;
  /** When the last chunk was read. */
  #readAt: number | undefined;
  /** What all metrics of an answer have in common. */
  #common: Attributes | undefined;

  constructor(
    recorder: Recorder,
    request: ChatRequest,
    values: AttemptContext,
    span: Span,
    instruments: Instruments | undefined,
  ) {
    this.#recorder = recorder;
    this.#request = request;
    this.#values = values;
    this.#span = span;
    this.#instruments = instruments;
    this.#startedAt = recorder.clock.now();
  }

  begun({ headers }: ChatReply): void {
    this.#answeredBy = headers["x-gateway-provider"];
    if (this.#request.stream) this.#firstChunk = this.#secondsSince(this.#startedAt);
    this.#recorder.models.admit(this.#request.model, true);
  }

  read(chunk: ChatChunk): void {
    this.#facts.see(chunk);
    // One with the usage alone is no output.
    if (!this.#instruments || !this.#request.stream || chunk.choices.length === 0) return;
    const before = this.#readAt;
    this.#readAt = this.#recorder.clock.now();
    if (before === undefined) return;
    this.#common ??= this.#attributes();
    this.#instruments.timePerOutputChunk.record((this.#readAt - before) / 1000, this.#common);
  }

  ended(end: Ended, usage: Usage | undefined): void {
    if (end.error && provesModel(end.error)) this.#recorder.models.admit(this.#request.model, false);
    try {
      if (this.#instruments) this.#measure(this.#instruments, end, usage);
    } finally {
      if (this.#span.isRecording()) this.#tell(end, usage);
    }
  }

  #measure({ operationDuration, timeToFirstChunk, tokenUsage }: Instruments, end: Ended, usage?: Usage): void {
    const common = this.#attributes();
    operationDuration.record(this.#secondsSince(this.#startedAt), { ...common, ...errorAttributes(end) });
    if (this.#firstChunk !== undefined) timeToFirstChunk.record(this.#firstChunk, common);
    const tokens = { input: usage?.prompt_tokens, output: usage?.completion_tokens };
    for (const [type, count] of Object.entries(tokens)) {
      if (isCount(count)) tokenUsage.record(count, { ...common, [attribute.tokenType]: type });
    }
  }

  #tell(end: Ended, usage?: Usage): void {
    const { status, upstreamRequestId } = this.#values.made ?? {};
    const provider = this.#provider();
    // A name that a caller may have made up is a value, and no kind of span.
    if (!this.#recorder.models.has(this.#request.model)) this.#span.updateName(CHAT);
    endSpan(this.#span, end, {
      [attribute.provider]: provider,
      ...this.#facts.attributes(usage),
      ...(provider === "openai" && this.#facts.openaiAttributes(this.#request)),
      ...(this.#firstChunk !== undefined && { [attribute.timeToFirstChunk]: this.#firstChunk }),
      ...(status !== undefined && { [attribute.statusCode]: status }),
      ...(upstreamRequestId !== undefined && { [own.upstreamRequestId]: shown(upstreamRequestId) }),
    });
  }

  #attributes(): Attributes {
    const { models, answeredBy } = this.#recorder;
    const { model } = this.#facts;
    if (model !== undefined) answeredBy.admit(model, true);
    return {
      [attribute.operation]: CHAT,
      [attribute.provider]: this.#provider(),
      [attribute.requestModel]: models.of(this.#request.model),
      ...(model !== undefined && { [attribute.responseModel]: answeredBy.of(model) }),
    };
  }

  #provider(): string {
    const name = this.#values.made?.provider ?? this.#answeredBy;
    return name === undefined ? OTHER : this.#recorder.providerName(name);
  }

  #secondsSince(ms: number): number {
    return (this.#recorder.clock.now() - ms) / 1000;
  }
}
