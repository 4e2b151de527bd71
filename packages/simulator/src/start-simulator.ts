import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { CallLog, type LiveCall, type SimulatedCall } from "./call-log.ts";
import { checkApiKey, checkHost, checkPort, checkSeed } from "./check-options.ts";
import { type Ending, playOnNode } from "./play-on-node.ts";
import { readBody } from "./read-body.ts";
import { MAX_BODY, Simulation } from "./simulation.ts";

export interface SimulatorOptions {
  /** Where it listens. Default 0: any free port. */
  readonly port?: number | undefined;
  /** The address it listens on. Default `127.0.0.1`, which no other machine can reach. */
  readonly host?: string | undefined;
  /** What the words of answers and the dice of `chance` and `chaos` start from: any whole number. Default 1. */
  readonly seed?: number | undefined;
  /** The only key that is accepted, as a bearer token; other calls get a 401. Default: any key, or none. */
  readonly apiKey?: string | undefined;
}

/** A simulator that runs. */
export interface Simulator {
  /** Its base URL for clients, such as `http://127.0.0.1:1234/v1`. */
  readonly url: string;
  /** The calls it received, oldest first: the last 1000 whose bodies make up to 64 MiB. */
  readonly calls: readonly SimulatedCall[];
  /** How many calls are in flight. */
  readonly open: number;
  /** How many sockets are open. */
  readonly connections: number;
  /** Forgets the calls, what `times` has counted and where the dice stood. Calls in flight go on. */
  reset(): void;
  /** Ends every call and connection at once; resolves when the port is free. */
  close(): Promise<void>;
}

/** How long a connection may idle, in milliseconds: longer than clients keep one, so that theirs are not cut off. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Starts a simulator on a port of this machine. Rejects with a `TypeError` for a bad option, and with the error of the
 * server where it cannot listen.
 */
export async function startSimulator({
  port = 0,
  host = "127.0.0.1",
  seed = 1,
  apiKey,
}: SimulatorOptions = {}): Promise<Simulator> {
  checkPort(port);
  checkHost(host);
  checkSeed(seed);
  checkApiKey(apiKey);
  const simulation = new Simulation(seed, apiKey);
  const log = new CallLog();
  const sockets = new Set<Socket>();
  const inFlight = new Set<Promise<void>>();
  let closing: Promise<unknown> | undefined;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = log.begin(request);
    const over = closed(response);
    const ending = await reply(call, request, response);
    const sent = await over;
    call.closedAt = performance.now();
    call.outcome = ending === "ended" && sent ? "finished" : ending === "broken" || closing ? "failed" : "aborted";
  };

  const reply = async (call: LiveCall, request: IncomingMessage, response: ServerResponse): Promise<Ending> => {
    const bytes = await readBody(request, MAX_BODY);
    if (response.destroyed) return "left";
    const { authorization, "x-simulate": simulate } = request.headers;
    const incoming = { method: call.method, path: call.path, authorization, simulate: simulate?.toString() };
    const { body, model, steps } = simulation.answer({ ...incoming, text: bytes?.toString() });
    log.received(call, body, model, bytes?.length ?? 0);
    if (!bytes) response.shouldKeepAlive = false; // The rest of the body would be taken for the next request.
    return playOnNode(steps, response);
  };

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const served = serve(request, response).finally(() => inFlight.delete(served));
    inFlight.add(served);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, "listening");

  return {
    url: urlOf(server),
    calls: log.calls,
    get open() {
      return inFlight.size;
    },
    get connections() {
      return sockets.size;
    },
    reset() {
      log.clear();
      simulation.reset();
    },
    close() {
      closing ??= Promise.all([
        new Promise((resolve) => server.close(resolve)),
        ...inFlight,
        ...Array.from(sockets, (socket) => new Promise((resolve) => socket.once("close", resolve).destroy())),
      ]);
      return closing.then(() => undefined);
    },
  };
}

/** Resolves when a response is over, with whether all of it was sent. */
function closed(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    let sent = false;
    response.once("finish", () => {
      sent = true;
    });
    response.once("close", () => resolve(sent));
  });
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo; // It listens on a port, not on a pipe.
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}/v1`;
}
