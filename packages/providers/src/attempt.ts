import { type Attempt, attempts, type Call, type GatewayError, type Usage } from "@gatewright/core";

/** What an answer said before its body was read. */
interface Head {
  readonly status?: number;
  readonly upstreamRequestId?: string;
}

/** One call of a provider, noted in the call's context: once it has begun to answer or has failed, and again when it has ended. */
export class NotedAttempt {
  readonly #call: Call;
  readonly #target: Pick<Attempt, "provider" | "model">;
  readonly #startedAt = Date.now();
  readonly #startedMs = performance.now();
  #head: Head = {};
  #firstTokenMs: number | undefined;
  #noted: Attempt | undefined;

  constructor(call: Call, provider: string, model: string) {
    this.#call = call;
    this.#target = { provider, model };
  }

  answered(status: number, upstreamRequestId?: string): void {
    this.#head = { status, ...(upstreamRequestId !== undefined && { upstreamRequestId }) };
  }

  /** A stream shows its first chunk. */
  begun(): void {
    this.#firstTokenMs = performance.now() - this.#startedMs;
    this.ended();
  }

  ended({
    error,
    usage,
  }: {
    readonly error?: GatewayError | undefined;
    readonly usage?: Usage | undefined;
  } = {}): void {
    const before = this.#noted;
    const now: Attempt = {
      ...this.#target,
      startedAt: this.#startedAt,
      ...(this.#firstTokenMs !== undefined && { firstTokenMs: this.#firstTokenMs }),
      durationMs: performance.now() - this.#startedMs,
      ...this.#head,
      ...(error && { code: error.code }),
      ...(usage && { usage }),
    };
    const { context } = this.#call;
    const made = context.get(attempts);
    context.set(attempts, before ? made.map((other) => (other === before ? now : other)) : [...made, now]);
    this.#noted = now;
  }
}
