export { mountPath } from "./mount.ts";

import type { IncomingMessage, ServerResponse } from "node:http";
import { GatewayError } from "./error.ts";
import type { Gateway } from "./gateway.ts";
import { abandon, BodyTooLargeError, type HttpReply, type HttpRequest } from "./http.ts";

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
  // A caller may have left while what stands in front was at work.
  if (response.destroyed) over.abort(LEFT);
  response.once("close", () => over.abort(LEFT));
  const reply = await gateway.handle(toHttpRequest(request, path, over.signal, parsed));
  if (response.destroyed) return abandon(reply);
  if (typeof reply.body !== "string") return stream(reply, reply.body, response);
  const { status, headers, body } = reply;
  // Text in one piece with the head is one write.
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body), ...closing(request) });
  if (request.complete) response.end(body);
  else lingerThenEnd(request, response, body);
}

/** The path of a request target, without its query. An absolute target (RFC 9112, section 3.2.2) is read as its path. */
export function pathOf(target = "/"): string {
  const origin = target.startsWith("/") ? 0 : target.indexOf("/", target.indexOf("://") + 3);
  const query = target.indexOf("?");
  return target.slice(Math.max(origin, 0), query === -1 ? undefined : query);
}

const LEFT = new GatewayError("llm.canceled", "The call is over.");

function toHttpRequest(request: IncomingMessage, path: string, signal: AbortSignal, parsed: unknown): HttpRequest {
  return {
    method: request.method ?? "GET",
    path,
    // Of repeated headers Node joins some and keeps the first of others; only set-cookie, which means nothing in a
    // request, is a list.
    headers: request.headers as Record<string, string>,
    address: request.socket.remoteAddress,
    signal,
    body: request.readableDidRead ? { parsed } : { read: (maxBytes, stop) => readBody(request, maxBytes, stop) },
  };
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
    const lost = (): void => fail(LEFT);
    const stopped = (): void => fail(signal.reason);
    if (signal.aborted) return stopped();
    signal.addEventListener("abort", stopped, { once: true });
    request.on("data", take).on("end", done).on("error", fail).on("close", lost);
  });
}

async function stream(reply: HttpReply, pieces: AsyncIterable<string>, response: ServerResponse): Promise<void> {
  response.writeHead(reply.status, reply.headers);
  for await (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece)) await writable(response);
  }
  response.end();
}

/** Waits until the caller has read what was written, or is gone. */
function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
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
