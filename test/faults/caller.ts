import { type ClientRequest, type IncomingMessage, request } from "node:http";

/** What a caller got, as it understands it. */
export interface Answer {
  /** Absent where the connection ended without one. */
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The code of the error in a JSON body or in the last event of a stream. */
  readonly code: string | undefined;
  /** The text of the answer, as far as it came. */
  readonly content: string;
  /** Whether a completion came, or a stream with its `[DONE]`. */
  readonly whole: boolean;
  /** Whether what came was ended as it should be, and the connection not broken. */
  readonly ended: boolean;
  readonly durationMs: number;
}

/** A call that is under way. */
export interface AskedCall {
  readonly request: ClientRequest;
  /** Resolves with the head of the answer. */
  readonly head: Promise<IncomingMessage>;
  readonly answer: Promise<Answer>;
  /** Closes the connection, as a process does that ends. */
  leave(): void;
}

export interface Ask {
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** More fields of the body. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** A caller that opens a connection for each call and understands what comes back as strictly as it can. */
export class Caller {
  readonly #port: number;
  readonly #open = new Set<ClientRequest>();
  /** How many calls it has made. */
  calls = 0;

  constructor(port: number) {
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  start(model: string, { stream = false, headers = {}, body = {} }: Ask = {}): AskedCall {
    this.calls++;
    const startedAt = performance.now();
    const sent = JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hello" }], ...body });
    const call = request({
      port: this.#port,
      host: "127.0.0.1",
      method: "POST",
      path: "/v1/chat/completions",
      agent: false,
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(sent), ...headers },
    });
    this.#open.add(call);
    call.once("close", () => this.#open.delete(call));
    const head = new Promise<IncomingMessage>((resolve, reject) => {
      call
        .once("response", resolve)
        .once("error", reject)
        .once("close", () => reject(new Error("no answer")));
    });
    head.catch(() => {});
    call.end(sent);
    return { request: call, head, answer: answerOf(call, stream, startedAt), leave: () => void call.destroy() };
  }

  ask(model: string, options?: Ask): Promise<Answer> {
    return this.start(model, options).answer;
  }

  close(): void {
    for (const call of this.#open) call.destroy();
  }
}

function answerOf(call: ClientRequest, stream: boolean, startedAt: number): Promise<Answer> {
  return new Promise((resolve) => {
    let response: IncomingMessage | undefined;
    let text = "";
    call.on("error", () => {});
    call.once("response", (incoming) => {
      response = incoming;
      incoming.setEncoding("utf8").on("error", () => {});
      // Whoever reads the body by itself takes this listener's place.
      if (incoming.listenerCount("readable") === 0) incoming.on("data", (piece: string) => (text += piece));
    });
    call.once("close", () => {
      const durationMs = performance.now() - startedAt;
      const status = response?.statusCode;
      const headers = response?.headers ?? {};
      const isStream = stream && headers["content-type"]?.startsWith("text/event-stream");
      const ended = response?.complete ?? false;
      resolve({ status, headers, text, durationMs, ended, ...(isStream ? fromEvents(text) : fromJson(text, ended)) });
    });
  });
}

type Understood = Pick<Answer, "code" | "content" | "whole">;

interface Shown {
  readonly error?: { readonly code?: string };
  readonly choices?: readonly {
    readonly message?: { readonly content?: string };
    readonly delta?: { readonly content?: string };
  }[];
}

function fromJson(text: string, ended: boolean): Understood {
  if (text === "" || !ended) return { code: undefined, content: "", whole: false };
  // Whatever a gateway answers as JSON is one of these.
  const body = JSON.parse(text) as Shown;
  const content = body.choices?.[0]?.message?.content;
  return { code: body.error?.code, content: content ?? "", whole: content !== undefined };
}

function fromEvents(text: string): Understood {
  // What stands after the last empty line is no event.
  const all = text.split("\n\n").slice(0, -1);
  const events = all.flatMap((event) => (event.startsWith("data: ") ? [event.slice(6)] : []));
  const whole = events.at(-1) === "[DONE]";
  const chunks = events.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data) as Shown);
  const content = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? "").join("");
  return { code: chunks.at(-1)?.error?.code, content, whole };
}
