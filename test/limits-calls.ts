import { getEventListeners } from "node:events";
import {
  type ChatChunk,
  type ChatReply,
  type ChatRequest,
  caller,
  type Handler,
  type Middleware,
} from "@gatewright/core";
import { chat } from "@gatewright/core/testing";

/** How a call goes: what its provider does, and what its caller. */
export interface CallPlan {
  readonly at: number;
  /** Milliseconds between two things that happen in it. */
  readonly gapMs: number;
  readonly caller: string | undefined;
  readonly address: string;
  readonly model: string;
  readonly promptTokens: number;
  readonly fields: Readonly<Record<string, number>>;
  readonly pieces: readonly string[];
  /** The usage of each chunk, by its place; `says` is how many tokens that is. */
  readonly usage: Readonly<Record<number, Reported>>;
  readonly goes:
    | "completes"
    | "aborted before"
    | "fails"
    | "canceled"
    | "canceled, answered late"
    | "canceled, failed late"
    | "interrupted"
    | "canceled in the middle"
    | "canceled, stalled"
    | "left"
    | "never read";
}

/** A usage as a provider sends it, and how many tokens that is; `undefined` where it is nonsense. */
export interface Reported {
  readonly usage: unknown;
  readonly says: number | undefined;
}

/** What happened to a call in a step. */
export type Happened =
  | { readonly what: "nothing" }
  /** Its usage is known: so many tokens. */
  | { readonly what: "ended"; readonly tokens: number };

const NOTHING: Happened = { what: "nothing" };

/** A call, driven step by step. */
export class LimitedCall {
  readonly plan: CallPlan;
  readonly request: ChatRequest;
  readonly faults: string[] = [];
  /** How often the provider was asked. */
  asked = 0;
  /** How it was refused. */
  thrown: unknown;
  over = false;
  readonly #layer: Middleware;
  readonly #stop = new AbortController();
  readonly #provider = Promise.withResolvers<ChatReply>();
  readonly #failure = new Error("the provider failed");
  #reply: ChatReply | undefined;
  #iterator: AsyncIterator<ChatChunk> | undefined;
  /** Replies of the provider that nobody has ended. */
  #open = 0;
  #read = 0;
  #step = 0;

  constructor(plan: CallPlan, layer: Middleware) {
    this.plan = plan;
    this.#layer = layer;
    const { model, promptTokens, fields, address } = plan;
    this.request = chat(
      { ...fields, model, messages: [{ role: "user", content: "x".repeat(promptTokens) }] },
      { address, signal: this.#stop.signal },
    );
    if (plan.caller !== undefined) this.request.call.context.set(caller, { name: plan.caller });
  }

  /** What is reserved for it. */
  get reserved(): number {
    const { promptTokens, fields } = this.plan;
    const most = [fields.max_completion_tokens, fields.max_tokens].filter((given) => given !== undefined);
    return promptTokens + (most.length > 0 ? Math.max(...most) : ASSUMED) * (fields.n ?? 1);
  }

  /** Starts it; `passes` where the limits must let it pass, `watched` where they have reserved tokens for it. */
  async start(passes: boolean, watched: boolean): Promise<Happened> {
    const { goes } = this.plan;
    if (goes === "aborted before") this.#stop.abort(new Error("left"));
    const provider: Handler = () => {
      this.asked++;
      return this.#provider.promise;
    };
    this.#layer(this.request, provider).then(
      (reply) => {
        this.#reply = reply;
      },
      (thrown: unknown) => {
        this.thrown = thrown;
        if (passes && thrown !== this.#failure && thrown !== this.#stop.signal.reason) this.#fault(String(thrown));
      },
    );
    await settled();
    const goesOn = passes && goes !== "aborted before";
    // Where nothing is reserved, the call is left to those around the layer, also if it is over.
    const mayAsk = !watched && passes;
    if (this.asked !== (goesOn ? 1 : 0) && !mayAsk) this.#fault(`the provider was asked ${this.asked} times`);
    if (!passes && this.thrown === undefined) this.#fault("was not refused");
    this.over = !goesOn;
    // The provider was told nothing.
    return passes && goes === "aborted before" ? { what: "ended", tokens: 0 } : NOTHING;
  }

  /** The next thing that happens in it. */
  async next(): Promise<Happened> {
    const happened = await this.#next(this.#step++);
    await settled();
    return happened;
  }

  /** What is wrong once it is over. */
  end(): string[] {
    if (!this.over) this.#fault("is not over");
    if (this.#open !== 0) this.#fault(`${this.#open} replies are open`);
    const listeners = getEventListeners(this.#stop.signal, "abort").length;
    if (listeners > 0) this.#fault(`${listeners} listeners`);
    return this.faults;
  }

  async #next(step: number): Promise<Happened> {
    const { goes, promptTokens } = this.plan;
    if (goes === "fails") {
      this.over = true;
      this.#provider.reject(this.#failure);
      return { what: "ended", tokens: 0 };
    }
    if (goes.startsWith("canceled") && goes !== "canceled in the middle" && goes !== "canceled, stalled") {
      this.over = step === 1 || goes === "canceled";
      if (step === 0) {
        this.#stop.abort(new Error("left"));
        return { what: "ended", tokens: promptTokens };
      }
      if (goes === "canceled, failed late") this.#provider.reject(this.#failure);
      else this.#provider.resolve(this.#answer());
      await settled();
      // As an edge does with what nobody waits for.
      await this.#reply?.chunks[Symbol.asyncIterator]().return?.();
      return NOTHING;
    }
    if (step === 0) {
      this.#provider.resolve(this.#answer());
      return NOTHING;
    }
    this.#iterator ??= goes === "never read" ? undefined : this.#reply?.chunks[Symbol.asyncIterator]();
    if (goes !== "never read" && this.#read < this.plan.pieces.length) {
      await this.#iterator?.next();
      return NOTHING;
    }
    this.over = true;
    await this.#finish();
    return { what: "ended", tokens: this.#tokens() };
  }

  async #finish(): Promise<void> {
    const { goes } = this.plan;
    if (goes === "completes") {
      if (!(await this.#iterator?.next())?.done) this.#fault("goes on");
    } else if (goes === "interrupted") {
      const thrown = await this.#iterator?.next().catch((thrown: unknown) => thrown);
      if (thrown !== this.#failure) this.#fault("was not interrupted");
    } else if (goes === "left") await this.#iterator?.return?.();
    else {
      // The next chunk never comes.
      if (goes === "canceled, stalled") this.#iterator?.next().catch(() => {});
      this.#stop.abort(new Error("left"));
      await settled();
      // As an edge does; the layer must not count it twice.
      const iterator = this.#iterator ?? this.#reply?.chunks[Symbol.asyncIterator]();
      await iterator?.return?.();
    }
  }

  /** What the provider has said is used by now, or what can be seen of it. */
  #tokens(): number {
    const { pieces, usage, promptTokens } = this.plan;
    const read = pieces.slice(0, this.#read);
    const reported = read.map((_, at) => usage[at]).findLast((each) => each && each.usage !== null);
    const seen = read.reduce((bytes, piece) => bytes + new TextEncoder().encode(piece).length, 0);
    const shown = promptTokens + Math.ceil(seen / 4);
    // What was reported before the end is not all of it.
    return this.plan.goes === "completes" ? (reported?.says ?? shown) : Math.max(reported?.says ?? 0, shown);
  }

  #answer(): ChatReply {
    this.#open++;
    const { pieces, usage, goes } = this.plan;
    let isOpen = true;
    const close = (): void => {
      if (isOpen) this.#open--;
      isOpen = false;
    };
    const iterator: AsyncIterator<ChatChunk> = {
      next: async () => {
        const content = pieces[this.#read];
        if (content !== undefined) {
          const reported = usage[this.#read++];
          const chunk = { choices: [{ index: 0, delta: { content } }], ...(reported && { usage: reported.usage }) };
          // What a provider reports may be anything, whatever its type says.
          return { done: false, value: chunk as ChatChunk };
        }
        if (goes === "canceled, stalled") return new Promise(() => {});
        close();
        if (goes === "interrupted") throw this.#failure;
        return { done: true, value: undefined };
      },
      return: async () => {
        close();
        return { done: true, value: undefined };
      },
    };
    return { headers: {}, chunks: { [Symbol.asyncIterator]: () => iterator } };
  }

  #fault(what: string): void {
    this.faults.push(`${this.plan.goes}: ${what}`);
  }
}

/** How many tokens an answer is taken to have. */
export const ASSUMED = 50;

/** Lets everything that is ready run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
