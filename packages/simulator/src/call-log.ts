import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** A call that a simulator has received. It is live: its fields change while the call goes on. */
export interface SimulatedCall {
  readonly method: string;
  /** The path, with its query. */
  readonly path: string;
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** The request's body as JSON, as text where it is not JSON, and `undefined` until it has been received. */
  readonly body: unknown;
  /** The model that the body names, with its directives. */
  readonly model: string | undefined;
  /** When its headers had been received, by the clock of `performance.now()`. */
  readonly startedAt: number;
  /**
   * `finished`: answered as planned, an error status or a clean cut included. `failed`: the simulator broke the
   * connection, as told or because it was closed. `aborted`: the client left first.
   */
  readonly outcome: "open" | "finished" | "failed" | "aborted";
  /** When it was over, by the same clock. */
  readonly closedAt: number | undefined;
}

/** A call as the simulator itself sees it. */
export type LiveCall = { -readonly [Field in keyof SimulatedCall]: SimulatedCall[Field] };

const MAX_CALLS = 1000;

/** The bodies that are kept at once, in bytes as received. */
const MAX_BYTES = 67_108_864;

/** The latest calls, as many as fit into the limits, and at least one. */
export class CallLog {
  readonly calls: SimulatedCall[] = [];
  /** The size of the body of each call in `calls`. */
  readonly #sizes = new Map<SimulatedCall, number>();
  #bytes = 0;

  begin({ method = "", url = "", headers }: IncomingMessage): LiveCall {
    const startedAt = performance.now();
    const unknown = { body: undefined, model: undefined, closedAt: undefined };
    const call: LiveCall = { method, path: url, headers, startedAt, outcome: "open", ...unknown };
    this.calls.push(call);
    this.#sizes.set(call, 0);
    if (this.calls.length > MAX_CALLS) this.#forgetOldest();
    return call;
  }

  received(call: LiveCall, body: unknown, model: string | undefined, bytes: number): void {
    call.body = body;
    call.model = model;
    if (!this.#sizes.has(call)) return;
    this.#sizes.set(call, bytes);
    this.#bytes += bytes;
    while (this.#bytes > MAX_BYTES && this.calls.length > 1) this.#forgetOldest();
  }

  clear(): void {
    this.calls.length = 0;
    this.#sizes.clear();
    this.#bytes = 0;
  }

  #forgetOldest(): void {
    const oldest = this.calls.shift();
    if (!oldest) return;
    this.#bytes -= this.#sizes.get(oldest) ?? 0;
    this.#sizes.delete(oldest);
  }
}
