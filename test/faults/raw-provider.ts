import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { Lab, LabOptions, TargetServer } from "./lab.ts";
import { type Row, row, type Seen } from "./row.ts";

/** A provider that does on its connections what no HTTP server would. */
export interface RawProvider extends TargetServer {
  /** Every connection it has taken, in order. */
  readonly connections: readonly RawProviderConnection[];
}

/** One connection of a raw provider, with the requests that came on it. */
interface RawProviderConnection {
  readonly socket: Socket;
  /** How many bytes have arrived. */
  readonly received: number;
  /** How many whole requests have arrived. */
  readonly requests: number;
}

/** What a raw provider does with a connection. */
export interface RawBehaviour {
  /** At once. */
  readonly opened?: (socket: Socket, connection: number) => void;
  /** When bytes have arrived, whole request or not; both counts begin at 1. */
  readonly bytes?: (socket: Socket, received: number, connection: number) => void;
  /** When a whole request has arrived; both counts begin at 1. */
  readonly request?: (socket: Socket, request: number, connection: number) => void;
  /** The certificate, where it speaks TLS. */
  readonly tls?: TlsOptions;
}

export async function startRawProvider({ opened, bytes, request, tls }: RawBehaviour): Promise<RawProvider> {
  const connections: RawProviderConnection[] = [];
  const take = (socket: Socket): void => {
    const parser = new RequestCounter();
    const connection = {
      socket,
      get received() {
        return parser.received;
      },
      get requests() {
        return parser.requests;
      },
    };
    const nth = connections.push(connection);
    socket.on("error", () => {}).setNoDelay(true);
    socket.on("data", (piece: Buffer) => {
      const before = parser.requests;
      parser.push(piece);
      bytes?.(socket, parser.received, nth);
      for (let at = before; at < parser.requests; at++) request?.(socket, at + 1, nth);
    });
    opened?.(socket, nth);
  };
  const accepted = new Set<Socket>();
  const server = tls ? createTlsServer(tls, take) : createServer(take);
  server.on("connection", (socket: Socket) => {
    accepted.add(socket);
    socket.once("close", () => accepted.delete(socket));
  });
  if (tls) server.on("tlsClientError", () => {});
  return { ...(await listenRaw(server, tls ? "https" : "http", accepted)), connections };
}

async function listenRaw(server: Server, protocol: string, accepted: ReadonlySet<Socket>): Promise<TargetServer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("a raw provider listens on a port");
  return {
    url: `${protocol}://127.0.0.1:${address.port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of accepted) socket.destroy();
      }),
  };
}

/** Finds the ends of requests whose bodies have a `content-length`. */
class RequestCounter {
  #pending = Buffer.alloc(0);
  /** How many bytes of the present body are still to come; `undefined` within a head. */
  #bodyLeft: number | undefined;
  received = 0;
  requests = 0;

  push(piece: Buffer): void {
    this.received += piece.length;
    let left = piece;
    while (left.length > 0) {
      if (this.#bodyLeft === undefined) {
        this.#pending = Buffer.concat([this.#pending, left]);
        const end = this.#pending.indexOf("\r\n\r\n");
        if (end === -1) return;
        const length = /^content-length: *(\d+)/im.exec(this.#pending.toString("latin1", 0, end))?.[1];
        this.#bodyLeft = Number(length ?? 0);
        left = this.#pending.subarray(end + 4);
        this.#pending = Buffer.alloc(0);
      }
      const used = Math.min(left.length, this.#bodyLeft);
      this.#bodyLeft -= used;
      left = left.subarray(used);
      if (this.#bodyLeft > 0) return;
      this.#bodyLeft = undefined;
      this.requests++;
    }
  }
}

/** A row whose first target is a server made for it. */
export function rowAt<Target extends TargetServer>(
  facts: Row,
  start: () => Promise<Target>,
  options: LabOptions,
  run: (lab: Lab, target: Target) => Promise<Seen>,
): void {
  let target: Target | undefined;
  const primaryServer = async (): Promise<Target> => {
    target = await start();
    return target;
  };
  row(facts, { ...options, primaryServer }, (lab) => {
    if (!target) throw new Error("the lab has started no server");
    return run(lab, target);
  });
}

/** The same alone and with another target. */
export function bothAt<Target extends TargetServer>(
  facts: Row,
  start: () => Promise<Target>,
  options: LabOptions,
  run: (lab: Lab, target: Target) => Promise<Seen>,
): void {
  rowAt(facts, start, options, run);
  rowAt({ ...facts, row: `${facts.row}, with another target` }, start, { ...options, backup: true }, run);
}

/** A whole HTTP/1.1 answer as it goes over the wire, with a length, on a connection that is kept. */
export function httpAnswer(status: number, body: object, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} X`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(text)}`,
    ...headers,
  ];
  return `${head.join("\r\n")}\r\n\r\n${text}`;
}

/** A chat completion that says something. */
export function completion(content: string): object {
  return {
    id: "chatcmpl-raw",
    object: "chat.completion",
    created: 1,
    model: "raw",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
}

/** The error body of a provider. */
export function errorBody(message: string, more: Readonly<Record<string, unknown>> = {}): object {
  return { error: { message, type: "invalid_request_error", param: null, code: null, ...more } };
}
