export { mountPath } from "./mount.ts";

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { OVER } from "./abort.ts";
import { COMMENT } from "./event-stream.ts";
import type { Gateway } from "./gateway.ts";
import { abandon, BodyTooLargeError, type HttpRequest } from "./http.ts";

/**
 * Answers a Node request with a gateway: what every adapter for a Node server is built on. `path` is the path below the
 * mount point, `parsed` the body where a host app has read it already. Resolves when the answer is over.
 */
export async function serve(
  gateway: Gateway,
  request: IncomingMessage & { readonly body?: unknown },
  response: ServerResponse,
  path: string,
  parsed: unknown = request.body,
): Promise<void> {
  const over = new AbortController();
  const { writeIdleMs } = gateway;
  // A caller may have left while what stands in front was at work.
  if (response.destroyed) over.abort(OVER);
  let events = false;
  const stopProbing = whenHalfClosed(request.socket, response, () => {
    if (events) response.write(COMMENT);
    // Callers of HTTP/1.0 know no informational answers (RFC 9110, section 15.2).
    else if (!response.headersSent && request.httpVersionMinor > 0) response.writeProcessing();
  });
  response.once("close", () => {
    stopProbing();
    over.abort(OVER);
  });
  const reply = await gateway.handle(toHttpRequest(request, path, over.signal, parsed));
  if (response.destroyed) return abandon(reply);
  const { status, headers, body } = reply;
  if (typeof body !== "string") {
    response.writeHead(status, headers);
    events = true;
    return stream(body, response, writeIdleMs);
  }
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, "content-length": length, ...closing(request) });
  if (!request.complete) lingerThenEnd(request, response, body);
  else if (length > LARGE) await stream(slices(Buffer.from(body)), response, writeIdleMs);
  // Text in one piece with the head is one write.
  else end(response, writeIdleMs, body);
}

/** The path of a request target, without its query. An absolute target (RFC 9112, section 3.2.2) is read as its path. */
export function pathOf(target = "/"): string {
  const origin = target.startsWith("/") ? 0 : target.indexOf("/", target.indexOf("://") + 3);
  const query = target.indexOf("?");
  return target.slice(Math.max(origin, 0), query === -1 ? undefined : query);
}

function toHttpRequest(request: IncomingMessage, path: string, signal: AbortSignal, parsed: unknown): HttpRequest {
  return {
    method: request.method ?? "GET",
    path,
    headers: headersOf(request),
    address: request.socket.remoteAddress,
    signal,
    body: request.readableDidRead ? { parsed } : { read: (maxBytes, stop) => readBody(request, maxBytes, stop) },
  };
}

/**
 * Of repeated headers Node joins some and keeps the first of others. `Authorization` is joined here: two are no key, rather
 * than whichever comes first.
 */
function headersOf({ headers, rawHeaders }: IncomingMessage): Record<string, string> {
  // Only set-cookie, which means nothing in a request, is a list.
  const plain = headers as Record<string, string>;
  if (plain.authorization === undefined) return plain;
  const isAuthorization = (name = ""): boolean => name.length === 13 && name.toLowerCase() === "authorization";
  const given = rawHeaders.filter((_, at) => at % 2 === 1 && isAuthorization(rawHeaders[at - 1]));
  return given.length < 2 ? plain : { ...plain, authorization: given.join(", ") };
}

function readBody(request: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void): void => {
      request.off("data", take).off("end", done).off("error", fail).off("close", lost);
      signal.removeEventListener("abort", stopped);
      finish();
    };
    const fail = (error: unknown): void =>
      settle(() => {
        request.pause();
        reject(error);
      });
    const take = (piece: Buffer): void => {
      size += piece.length;
      if (size > maxBytes) fail(new BodyTooLargeError());
      else pieces.push(piece);
    };
    const done = (): void =>
      settle(() => resolve(pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces)));
    const lost = (): void => fail(OVER);
    const stopped = (): void => fail(signal.reason);
    if (signal.aborted) return stopped();
    signal.addEventListener("abort", stopped, { once: true });
    request.on("data", take).on("end", done).on("error", fail).on("close", lost);
  });
}

/** From how many bytes on an answer is written piece by piece, as its caller reads it. */
const LARGE = 256 * 1024;

const SLICE = 64 * 1024;

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE);
}

async function stream(
  pieces: AsyncIterable<string> | Iterable<Buffer>,
  response: ServerResponse,
  idleMs: number,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (response.destroyed) return;
      if (!response.write(piece)) await writable(response, idleMs);
    }
  } catch {
    // What was written must arrive before the connection breaks, or its caller takes it for one that never was.
    await flushed(response, idleMs);
    response.destroy();
    return;
  }
  end(response, idleMs);
}

/** Waits until the caller has read what was written, or is gone; one who reads nothing for so long is made to go. */
function writable(response: ServerResponse, idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => response.destroy(), idleMs);
    const settle = (): void => {
      clearTimeout(timer);
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
}

/** Waits until all that was written to a stream of events is on its way, the caller is gone, or it takes too long. */
function flushed(response: ServerResponse, idleMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, idleMs);
    const settle = (): void => {
      clearTimeout(timer);
      response.off("close", settle);
      resolve();
    };
    response.once("close", settle);
    // Between two events an empty line means nothing.
    response.write("\n", settle);
  });
}

/** Ends an answer; a caller who does not take the rest of it for so long is made to go. */
function end(response: ServerResponse, idleMs: number, rest = ""): void {
  response.end(rest);
  if (response.destroyed || !response.socket?.writableLength) return;
  const timer = setTimeout(() => response.destroy(), idleMs);
  const settle = (): void => clearTimeout(timer);
  response.once("finish", settle).once("close", settle);
}

/** When it is looked whether a caller who said its last is still there, in milliseconds after that. */
const PROBES_MS = [0, 5, 20, 80, 320, 1280, 5120];

/**
 * A caller that has closed its side of the connection has left, or has only said all it had to say: nothing but writing
 * to it tells which. Only a server with `httpAllowHalfOpen` leaves such a connection open. It is written what clients
 * skip, `102 Processing` (RFC 2518, section 10.1) or in a stream a comment: to one that has left the second write fails.
 * The returned function stops that.
 */
function whenHalfClosed(socket: Socket, response: ServerResponse, write: () => void): () => void {
  let timers: readonly NodeJS.Timeout[] = [];
  const probe = (): void => {
    if (!response.destroyed && !response.writableEnded) write();
  };
  const halfClosed = (): void => {
    timers = PROBES_MS.map((ms) => setTimeout(probe, ms));
  };
  const answers = unanswered.get(socket) ?? listenTo(socket);
  answers.add(halfClosed);
  return () => {
    answers.delete(halfClosed);
    for (const timer of timers) clearTimeout(timer);
  };
}

/** What to do when a connection is half closed, for each answer on it that is under way: a caller may ask many at once. */
const unanswered = new WeakMap<Socket, Set<() => void>>();

function listenTo(socket: Socket): Set<() => void> {
  const answers = new Set<() => void>();
  unanswered.set(socket, answers);
  socket.once("end", () => {
    for (const halfClosed of answers) halfClosed();
  });
  return answers;
}

function closing(request: IncomingMessage): Record<string, string> {
  return request.complete ? {} : { connection: "close" };
}

/** How long a caller that sends no more, and one that goes on, may read its answer before the connection is closed. */
const LINGER_IDLE_MS = 500;
const LINGER_MS = 10_000;

/**
 * Answers a request whose body was not read to its end. The answer is written at once; the connection is closed when the
 * rest has come or stays away, because closing it under a caller that still sends destroys the answer (RFC 9112,
 * section 9.6).
 */
function lingerThenEnd(request: IncomingMessage, response: ServerResponse, body: string): void {
  response.write(body);
  const idle = setTimeout(end, LINGER_IDLE_MS);
  const limit = setTimeout(end, LINGER_MS);
  function wait(): void {
    idle.refresh();
  }
  function end(): void {
    clearTimeout(idle);
    clearTimeout(limit);
    request.off("end", end).off("data", wait);
    response.off("close", end).end();
  }
  request.on("end", end).on("data", wait).resume();
  response.on("close", end);
}
