import assert from "node:assert/strict";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { type ListeningServer, listen } from "./listen.ts";

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Head and body: everything the server said. */
  readonly text: string;
}

/** A request to be written byte for byte: nothing is checked, escaped or added but `host` and the length of a body. */
export interface RawRequest {
  /** Default POST. */
  readonly method?: string;
  /** Default `/v1/chat/completions`. */
  readonly path?: string;
  /** Default one `content-type: application/json`. */
  readonly headers?: readonly string[];
  /** Its length is announced unless a header announces one already. */
  readonly body?: string | Uint8Array;
}

/** A connection that says exactly what it is told to, for requests that no well-behaved client sends. */
export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #failure: Error | undefined;
  #wake = (): void => {};
  /** Resolves when the connection is closed, by whichever side and however. */
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (piece: Buffer) => {
      this.#received = Buffer.concat([this.#received, piece]);
      this.#wake();
    });
    this.#socket.on("error", (error) => {
      this.#failure = error;
    });
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        this.#failure ??= new Error("the connection was closed without a whole answer");
        resolve();
        this.#wake();
      });
    });
  }

  /** Whether the bytes could be handed to the system; `false` once the connection is gone. */
  send(bytes: string | Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      this.#socket.write(bytes, (error) => resolve(!error));
    });
  }

  /** Reads nothing until `hear`: a client that has ears only once it has said everything. */
  deafen(): void {
    this.#socket.pause();
  }

  hear(): void {
    this.#socket.resume();
  }

  /** Waits for a whole answer. Rejects where the connection ends before there is one. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const answer = parse(this.#received);
      if (answer) return answer;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the connection as a crash would. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Sends one request on a connection of its own and waits for the whole answer. */
export async function exchange(port: number, request: RawRequest): Promise<RawAnswer> {
  const connection = new RawConnection(port);
  connection.send(head(request));
  if (request.body !== undefined) connection.send(request.body);
  try {
    return await connection.answer();
  } finally {
    connection.close();
  }
}

/** The head of a request, with the empty line that ends it. */
export function head(request: RawRequest): string {
  const { method = "POST", path = "/v1/chat/completions", body } = request;
  const { headers = ["content-type: application/json"] } = request;
  const framed = body === undefined || headers.some((line) => /^(content-length|transfer-encoding):/i.test(line));
  const length = framed ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  return [`${method} ${path} HTTP/1.1`, "host: gateway.test", ...headers, ...length, "", ""].join("\r\n");
}

/** An answer, once it is there as a whole. A body in chunks stays as it came. */
function parse(received: Buffer): RawAnswer | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [statusLine = "", ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(/:\s*(.*)/s, 2)).map(lowerCase));
  const whole = end + 4 + Number(headers["content-length"] ?? chunksLength(received.subarray(end + 4)));
  if (!(received.length >= whole)) return undefined;
  const body = received.toString("utf8", end + 4, whole);
  return { status: Number(statusLine.split(" ")[1]), headers, body, text: received.toString("utf8", 0, whole) };
}

/** How long a body in chunks is (RFC 9112, section 7.1), or `NaN` where its end is not there yet. */
function chunksLength(body: Buffer): number {
  const end = body.indexOf("0\r\n\r\n");
  return end === -1 ? Number.NaN : end + 5;
}

function lowerCase([name = "", value = ""]: readonly string[]): [string, string] {
  return [name.toLowerCase(), value];
}

/** What all refusals have in common; gives back the error in it. `input` is text of the request, which it may not repeat. */
export function refusal(answer: RawAnswer, input: string): Readonly<Record<string, unknown>> {
  assert.match(answer.headers["content-type"] ?? "", /^application\/json\b/);
  assert.doesNotMatch(answer.text, /<html/i);
  assert.doesNotMatch(answer.text, / {4}at |\.ts:\d/, "a stack is shown");
  assert.ok(!answer.text.includes(input), `the input is repeated: ${answer.text.slice(0, 1000)}`);
  // The openai envelope, each field of which is looked at below or by the caller.
  const { error, request_id } = JSON.parse(answer.body) as { error: Record<string, unknown>; request_id: unknown };
  assert.match(String(request_id), /^[0-9a-f-]{36}$/);
  assert.equal(answer.headers["x-request-id"], request_id);
  assert.equal(error.type, "invalid_request_error");
  assert.match(String(error.message), /^.{1,1000}$/, "not a message that one reads");
  return error;
}

/** A provider that answers every call alike and keeps what it was sent. */
export interface CountingUpstream extends ListeningServer {
  /** The bodies of all calls as they came, in order. */
  readonly received: readonly string[];
}

export async function startUpstream(answer: object): Promise<CountingUpstream> {
  const received: string[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request.setEncoding("utf8")) text += piece;
    received.push(text);
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  });
  return { ...(await listen(server)), received };
}
