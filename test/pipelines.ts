import {
  type ChatBody,
  type ChatChunk,
  type ChatReply,
  type ChatRequest,
  type ChunkIterator,
  type Clock,
  type Code,
  createCall,
  EventReader,
  type Gateway,
  GatewayError,
  type Handler,
  type Remedy,
  toGatewayError,
} from "@gatewright/core";

/** What a provider fails with: an error of the gateway, any error, or a value that is none. */
type Failure =
  | {
      readonly kind: "gateway";
      readonly code: Code;
      readonly retryAfterMs: number | undefined;
      /** `undefined`: that of the code. */
      readonly remedy: Remedy | undefined;
    }
  | { readonly kind: "error" }
  | { readonly kind: "value" };

/** What a provider does with one call. One that is not `heedful` goes on whatever its signal says. */
export type Outcome =
  | { readonly does: "throw"; readonly heedful: boolean; readonly failure: Failure }
  | { readonly does: "reject"; readonly heedful: boolean; readonly delayMs: number; readonly failure: Failure }
  | { readonly does: "hang"; readonly heedful: boolean }
  | ({ readonly does: "answer"; readonly heedful: boolean; readonly delayMs: number } & Answer);

interface Answer {
  /** One chunk with the whole message, instead of those of a stream. */
  readonly whole: boolean;
  readonly pieces: number;
  readonly choices: number;
  /** Whether a chunk with the usage comes last. */
  readonly usage: boolean;
  /** Whether chunks are there at once, where there is no gap between them. */
  readonly ready: boolean;
  readonly gapMs: number;
  /** How many of its chunks come before the end; `undefined`: all. */
  readonly gives: number | undefined;
  readonly ends: "end" | "stall" | Failure;
}

const PLAIN: Outcome = {
  does: "answer",
  heedful: true,
  delayMs: 0,
  whole: false,
  pieces: 1,
  choices: 1,
  usage: false,
  ready: false,
  gapMs: 0,
  gives: undefined,
  ends: "end",
};

/** One call of the provider. */
export interface Asked {
  readonly number: number;
  readonly at: number;
  readonly request: ChatRequest;
  readonly path: number;
  readonly outcome: Outcome;
  /** The chunks it gives, marked with its number and their position. */
  readonly chunks: readonly ChatChunk[];
  /** Whether all choices finish in them: then it may be taken as whole, however its stream then ends. */
  readonly complete: boolean;
  /** `asked`: neither answered nor failed; `open`: answered; `over`: let go. */
  state: "asked" | "open" | "over";
  /** Whether somebody waits for a chunk that never comes. */
  stalled: boolean;
}

/** A provider that does with its calls what it was told, in order, then answers plainly; it keeps account of them. */
export class Provider {
  readonly asked: Asked[] = [];
  /** What was asked of it that may not be asked. */
  readonly faults: string[] = [];
  readonly #outcomes: readonly Outcome[];
  readonly #clock: Clock;

  constructor(outcomes: readonly Outcome[], clock: Clock) {
    this.#outcomes = outcomes;
    this.#clock = clock;
  }

  /** The provider, as seen from the end of one of the paths that lead to it. */
  at(path: number): Handler {
    return (request) => {
      const number = this.asked.length;
      const outcome = this.#outcomes[number] ?? PLAIN;
      const chunks = outcome.does === "answer" ? given(number, outcome) : [];
      const complete = outcome.does === "answer" && finished(chunks, outcome);
      const asked: Asked = {
        number,
        at: this.#clock.now(),
        request,
        path,
        outcome,
        chunks,
        complete,
        state: "asked",
        stalled: false,
      };
      this.asked.push(asked);
      if (outcome.does !== "throw") return this.#reply(asked);
      asked.state = "over";
      throw thrown(outcome.failure);
    };
  }

  async #reply(asked: Asked): Promise<ChatReply> {
    const { outcome, request } = asked;
    const heeded = outcome.heedful ? request.call.signal : undefined;
    try {
      heeded?.throwIfAborted();
      const delayMs = outcome.does === "reject" || outcome.does === "answer" ? outcome.delayMs : undefined;
      if (delayMs !== 0) await new Wait(delayMs, this.#clock, heeded).over;
      if (outcome.does === "reject") throw thrown(outcome.failure);
    } catch (failure) {
      asked.state = "over";
      throw failure;
    }
    asked.state = "open";
    return { headers: {}, chunks: new Chunks(asked, this.#clock, this.faults) };
  }
}

class Chunks implements ChunkIterator, AsyncIterable<ChatChunk> {
  readonly #asked: Asked;
  readonly #answer: Answer;
  readonly #heeded: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #faults: string[];
  #at = 0;
  #reading: Promise<unknown> | undefined;
  #wait: Wait | undefined;

  constructor(asked: Asked, clock: Clock, faults: string[]) {
    this.#asked = asked;
    // Only an answer has chunks.
    this.#answer = asked.outcome as Outcome & Answer;
    this.#heeded = asked.outcome.heedful ? asked.request.call.signal : undefined;
    this.#clock = clock;
    this.#faults = faults;
    this.#heeded?.addEventListener("abort", this.#close, { once: true });
  }

  async next(): Promise<IteratorResult<ChatChunk, unknown>> {
    if (this.#reading) this.#faults.push(`answer ${this.#asked.number} is read twice at once`);
    const reading = this.#next();
    this.#reading = reading;
    try {
      return await reading;
    } catch (failure) {
      this.#close();
      throw failure;
    } finally {
      this.#reading = undefined;
    }
  }

  async #next(): Promise<IteratorResult<ChatChunk, unknown>> {
    this.#heeded?.throwIfAborted();
    if (this.#asked.state === "over") return END;
    const { gapMs, ends } = this.#answer;
    if (gapMs > 0) await this.#waitFor(gapMs);
    const value = this.#over ? undefined : this.#asked.chunks[this.#at++];
    if (value) return { done: false, value };
    if (ends === "stall" && !this.#over) {
      this.#asked.stalled = true;
      await this.#waitFor(undefined);
    }
    if (typeof ends === "object" && !this.#over) throw thrown(ends);
    this.#close();
    return END;
  }

  ready(): ChatChunk | undefined {
    if (this.#reading) this.#faults.push(`answer ${this.#asked.number} is asked for what is ready while it is read`);
    const { ready, gapMs } = this.#answer;
    return ready && gapMs === 0 && !this.#over ? this.#asked.chunks[this.#at++] : undefined;
  }

  async return(): Promise<IteratorResult<ChatChunk, unknown>> {
    this.#close();
    // As a generator does: what is under way comes first, and may never end.
    if (this.#asked.outcome.heedful) this.#wait?.end();
    else await this.#reading?.catch(() => {});
    return END;
  }

  get #over(): boolean {
    return this.#asked.state === "over";
  }

  async #waitFor(ms: number | undefined): Promise<void> {
    this.#wait = new Wait(ms, this.#clock, this.#heeded);
    await this.#wait.over;
  }

  readonly #close = (): void => {
    this.#asked.state = "over";
    this.#heeded?.removeEventListener("abort", this.#close);
  };

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Waits, for ever without a time, unless the signal aborts or it is ended. */
class Wait {
  readonly over: Promise<void>;
  readonly end: () => void;

  constructor(ms: number | undefined, clock: Clock, signal: AbortSignal | undefined) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (): void => {
      cancel();
      signal?.removeEventListener("abort", leave);
    };
    const leave = (): void => {
      settle();
      reject(signal?.reason);
    };
    this.over = promise;
    this.end = () => {
      settle();
      resolve();
    };
    const cancel = ms === undefined ? () => {} : clock.after(ms, this.end);
    signal?.addEventListener("abort", leave);
    if (signal?.aborted) leave();
  }
}

function thrown(failure: Failure): unknown {
  if (failure.kind === "error") return new Error("a defect of the provider");
  if (failure.kind === "value") return "no error at all";
  const { code, retryAfterMs, remedy } = failure;
  return new GatewayError(code, "The provider failed.", {
    origin: "upstream",
    retryAfterMs,
    ...(remedy && { remedy }),
  });
}

function given(number: number, answer: Answer): ChatChunk[] {
  const chunk = (rest: Pick<ChatChunk, "choices" | "usage">, at: number): ChatChunk => {
    return {
      id: `answer-${number}`,
      object: "chat.completion.chunk",
      created: 0,
      model: "m",
      mark: [number, at],
      ...rest,
    };
  };
  const said = (at: number): string => `${number}.${at};`;
  if (answer.whole) {
    const delta = { role: "assistant", content: said(0) };
    return [chunk({ choices: [{ index: 0, delta, finish_reason: "stop" }] }, 0)];
  }
  const indexes = Array.from({ length: answer.choices }, (_, index) => index);
  const all: Pick<ChatChunk, "choices" | "usage">[] = [
    { choices: indexes.map((index) => ({ index, delta: { role: "assistant", content: "" }, finish_reason: null })) },
  ];
  for (let piece = 0; piece < answer.pieces; piece++) {
    const delta = { content: said(all.length) };
    all.push({ choices: [{ index: piece % answer.choices, delta, finish_reason: null }] });
  }
  all.push(...indexes.map((index) => ({ choices: [{ index, delta: {}, finish_reason: "stop" }] })));
  if (answer.usage) all.push({ choices: [], usage: { total_tokens: answer.pieces } });
  return all.slice(0, answer.gives).map(chunk);
}

function finished(chunks: readonly ChatChunk[], { whole, choices }: Answer): boolean {
  const finishes = chunks.flatMap((chunk) => chunk.choices).filter(({ finish_reason }) => finish_reason === "stop");
  return finishes.length === (whole ? 1 : choices);
}

/** What a caller does. */
export interface Caller {
  /** When it calls, and after how long it leaves, whatever there is by then. */
  readonly at: number;
  readonly leavesAfterMs: number | undefined;
  /** After how many chunks it goes: it ends the iteration, it aborts, or it just reads no more. */
  readonly goes: { readonly after: number; readonly by: "return" | "abort" | "silence" } | undefined;
  /** How long it takes for each chunk. */
  readonly gapMs: number;
  /** Whether it takes what is ready. */
  readonly ready: boolean;
  /** Whether its signal aborts once its call is over, as it does behind an adapter. */
  readonly aborts: boolean;
  readonly body: ChatBody;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a call looked to its caller. */
export interface Seen {
  /** `undefined` while it waits, or where it just reads no more. */
  ending: "completed" | "rejected" | "failed" | "left" | undefined;
  /** When the first chunk was there, and when it ended. */
  begunAt: number | undefined;
  endedAt: number | undefined;
  /** The code of the failure it ended with. */
  code: string | undefined;
  readonly chunks: ChatChunk[];
  /** The text of an answer that came as one. */
  text: string | undefined;
  /** What was seen that may not be. */
  readonly faults: string[];
}

/** One call of a caller, from when it is made. */
export abstract class Visit {
  readonly id: string;
  readonly plan: Caller;
  readonly seen: Seen = {
    ending: undefined,
    begunAt: undefined,
    endedAt: undefined,
    code: undefined,
    chunks: [],
    text: undefined,
    faults: [],
  };
  protected readonly clock: Clock;
  readonly #stop = new AbortController();

  constructor(id: string, plan: Caller, clock: Clock) {
    this.id = id;
    this.plan = plan;
    this.clock = clock;
    clock.after(plan.at, () => {
      if (this.seen.ending) return;
      const cancel =
        plan.leavesAfterMs === undefined ? () => {} : clock.after(plan.leavesAfterMs, () => this.leave("abort"));
      this.run()
        .catch((error: unknown) => this.seen.faults.push(`the caller failed: ${String(error)}`))
        .finally(cancel);
    });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether it will not read on by itself. */
  get silent(): boolean {
    const { goes } = this.plan;
    return goes?.by === "silence" && this.seen.chunks.length >= goes.after;
  }

  /** Leaves, unless its call is over: it ends the iteration, the call, or both; what is left in silence has no reader. */
  leave(by: "return" | "abort" | "silence"): void {
    if (this.seen.ending) return;
    this.#over("left");
    if (by !== "return" || this.plan.aborts) this.#stop.abort();
    if (by === "silence") return;
    this.letGo().catch((error: unknown) => this.seen.faults.push(`leaving failed: ${String(error)}`));
  }

  protected abstract run(): Promise<void>;
  protected abstract letGo(): Promise<void>;

  protected end(ending: "completed" | "rejected" | "failed", code?: string): void {
    if (this.seen.ending === "left") return;
    if (this.seen.ending) this.seen.faults.push(`${ending} after ${this.seen.ending}`);
    this.#over(ending);
    this.seen.code = code;
    if (this.plan.aborts) this.#stop.abort();
  }

  protected take(chunk: ChatChunk): void {
    this.seen.begunAt ??= this.clock.now();
    this.seen.chunks.push(chunk);
  }

  #over(ending: NonNullable<Seen["ending"]>): void {
    this.seen.ending = ending;
    this.seen.endedAt = this.clock.now();
  }

  /** Whether to read on. */
  protected async more(): Promise<boolean> {
    const { goes, gapMs } = this.plan;
    if (!this.seen.ending && this.#enough && goes && goes.by !== "silence") this.leave(goes.by);
    if (this.seen.ending || this.#enough) return false;
    if (gapMs > 0) await new Wait(gapMs, this.clock, undefined).over;
    return this.seen.ending === undefined;
  }

  protected get reads(): boolean {
    return !this.seen.ending && !this.#enough;
  }

  get #enough(): boolean {
    return this.plan.goes !== undefined && this.seen.chunks.length >= this.plan.goes.after;
  }
}

/** A call of the pipeline itself. */
export class DirectVisit extends Visit {
  readonly #pipeline: Handler;
  #chunks: ChunkIterator | undefined;

  constructor(id: string, plan: Caller, clock: Clock, pipeline: Handler) {
    super(id, plan, clock);
    this.#pipeline = pipeline;
  }

  protected async run(): Promise<void> {
    const { body, headers, ready } = this.plan;
    let reply: ChatReply;
    try {
      reply = await this.#pipeline({ ...body, call: createCall({ id: this.id, headers, signal: this.signal }) });
    } catch (error) {
      return this.#fail("rejected", error);
    }
    const chunks: ChunkIterator = reply.chunks[Symbol.asyncIterator]();
    this.#chunks = chunks;
    if (this.seen.ending) return this.letGo();
    while (await this.more()) {
      try {
        const result = await chunks.next();
        if (this.seen.ending) return;
        if (result.done) this.end("completed");
        else this.take(result.value);
      } catch (error) {
        this.#fail("failed", error);
      }
      for (let more = this.#ready(ready); more; more = this.#ready(ready)) this.take(more);
    }
    if (this.seen.ending) await this.#expectNothing(chunks);
  }

  protected async letGo(): Promise<void> {
    await this.#chunks?.return?.();
  }

  #fail(ending: "rejected" | "failed", thrown: unknown): void {
    const error: unknown = toGatewayError(thrown, this.signal);
    this.end(ending, error instanceof GatewayError ? error.code : "no code");
  }

  #ready(wanted: boolean): ChatChunk | undefined {
    return wanted && this.reads ? this.#chunks?.ready?.() : undefined;
  }

  async #expectNothing(chunks: ChunkIterator): Promise<void> {
    const { faults, ending } = this.seen;
    if (chunks.ready?.()) faults.push(`a chunk is ready after ${ending}`);
    try {
      if (!(await chunks.next()).done) faults.push(`a chunk came after ${ending}`);
    } catch (error) {
      faults.push(`failed after ${ending}: ${String(error)}`);
    }
  }
}

/** A call over HTTP, as an adapter makes it. */
export class HttpVisit extends Visit {
  readonly #gateway: Gateway;
  #pieces: AsyncIterator<string> | undefined;
  #begun = false;

  constructor(id: string, plan: Caller, clock: Clock, gateway: Gateway) {
    super(id, { ...plan, aborts: true }, clock);
    this.#gateway = gateway;
  }

  protected async run(): Promise<void> {
    const reply = await this.#gateway.handle({
      method: "POST",
      path: "/chat/completions",
      headers: { ...this.plan.headers, "content-type": "application/json", "x-request-id": this.id },
      address: undefined,
      signal: this.signal,
      body: { parsed: this.plan.body },
    });
    if (typeof reply.body === "string") return this.#answered(reply.status, reply.body);
    if (reply.status !== 200) this.seen.faults.push(`a stream with the status ${reply.status}`);
    this.#pieces = reply.body[Symbol.asyncIterator]();
    if (this.seen.ending) return this.letGo();
    await this.#read(this.#pieces);
  }

  protected async letGo(): Promise<void> {
    if (!this.#begun) await this.#pieces?.next();
    await this.#pieces?.return?.();
  }

  #answered(status: number, text: string): void {
    const body = JSON.parse(text) as {
      error?: { code: string };
      choices?: readonly { message: { content?: string } }[];
    };
    if ((status === 200) !== (body.error === undefined)) this.seen.faults.push(`the status ${status} with ${text}`);
    if (body.error !== undefined) {
      this.end("rejected", body.error.code);
      return;
    }
    this.seen.text = body.choices?.map(({ message }) => message.content ?? "").join("");
    this.end("completed");
  }

  async #read(pieces: AsyncIterator<string>): Promise<void> {
    const reader = new EventReader();
    /** What an event that ends the stream says. */
    let last: (() => void) | undefined;
    while (await this.more()) {
      this.#begun = true;
      const { done, value } = await pieces.next();
      if (this.seen.ending) return;
      if (done) {
        if (last) last();
        else this.seen.faults.push("the stream ended without an end");
        return this.letGo();
      }
      for (const { data } of reader.read(value)) {
        if (last) this.seen.faults.push(`after the end: ${data}`);
        else last = this.#event(data);
      }
    }
  }

  #event(data: string): (() => void) | undefined {
    if (data === "[DONE]") return () => this.end("completed");
    const event = JSON.parse(data) as ChatChunk & { error?: { code: string } };
    const { error } = event;
    if (error !== undefined) return () => this.end("failed", error.code);
    this.take(event);
    return undefined;
  }
}
