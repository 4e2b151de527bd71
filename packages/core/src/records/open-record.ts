import type { ChatChunk, ChatReply, ChatRequest } from "../chat.ts";
import type { Clock } from "../clock.ts";
import { GatewayError, toGatewayError } from "../error.ts";
import { watchedBy } from "../reply.ts";
import type { ChunkWatcher } from "../watched-chunks.ts";
import { callRecord, type Ended, type Settings } from "./call-record.ts";
import type { Outlet } from "./outlet.ts";
import { Seen } from "./seen.ts";

/** The record of a call under way. It is written once, when the call has ended, from whichever side that is learned. */
export class OpenRecord implements ChunkWatcher {
  readonly #settings: Settings;
  readonly #outlet: Outlet;
  readonly #clock: Clock;
  readonly #request: ChatRequest;
  readonly #seen: Seen;
  readonly #startedAt = Date.now();
  readonly #startedMs: number;
  #firstTokenMs: number | undefined;
  #headers: ChatReply["headers"] = {};
  /** How it ended, once that is known. */
  #end: { readonly error: GatewayError | undefined; readonly totalMs: number } | undefined;

  constructor(settings: Settings, outlet: Outlet, clock: Clock, request: ChatRequest) {
    this.#settings = settings;
    this.#outlet = outlet;
    this.#clock = clock;
    this.#request = request;
    this.#seen = new Seen(settings.content?.answer());
    this.#startedMs = clock.now();
    const { signal } = request.call;
    if (signal.aborted) this.#leave();
    else signal.addEventListener("abort", this.#leave, { once: true });
  }

  /** The call has an answer. The reply that comes back is to be passed on in its place. */
  replied(reply: ChatReply): ChatReply {
    // What did not listen when its caller went is not waited for.
    if (this.#end) return reply;
    this.#firstTokenMs = this.#clock.now() - this.#startedMs;
    this.#headers = reply.headers;
    return watchedBy(reply, this);
  }

  see(chunk: ChatChunk): void {
    this.#seen.add(chunk);
  }

  completed(): void {
    if (this.#end) return;
    this.#close(undefined);
    this.#write();
  }

  /** The call has failed, in place of an answer or behind it. */
  failed(thrown: unknown): void {
    // Whoever stopped reading may have had a reason, which is told a little later.
    if (!this.#end || this.#end.error === STOPPED) this.#close(toGatewayError(thrown, this.#request.call.signal));
  }

  broke(thrown: unknown): void {
    if (!this.#end) this.failed(thrown);
  }

  left(): void {
    if (!this.#end) this.#close(STOPPED);
  }

  /** Its caller has gone, whether or not what is below takes notice. */
  readonly #leave = (): void => this.failed(this.#request.call.signal.reason);

  /** What did not complete is written in a moment: what is below ends as well, and notes how. */
  #close(error: GatewayError | undefined): void {
    if (!this.#end && error) setImmediate(() => this.#write());
    this.#end = { error, totalMs: this.#clock.now() - this.#startedMs };
    this.#request.call.signal.removeEventListener("abort", this.#leave);
  }

  #write(): void {
    if (!this.#end) return;
    const { error, totalMs } = this.#end;
    const ended: Ended = {
      startedAt: this.#startedAt,
      totalMs,
      firstTokenMs: this.#firstTokenMs,
      headers: this.#headers,
      seen: this.#seen,
      error,
    };
    this.#outlet.write(() => callRecord(this.#settings, this.#request, ended));
  }
}

const STOPPED = new GatewayError("llm.canceled", "The answer was not read to its end.");
