import type { Gateway } from "./gateway.ts";
import { BodyTooLargeError, type UnreadBody } from "./http.ts";
import { type MountOptions, mountPath } from "./mount.ts";

/**
 * A gateway as a `fetch` function: for servers that speak WHATWG requests, and for SDKs that take one, which then have a
 * gateway in process. The host of the URL means nothing. Rejects, as `fetch` does, when the request's signal aborts.
 * @example new OpenAI({ fetch: toFetch(gateway(pipeline)), apiKey: "unused" });
 */
export function toFetch(
  gateway: Gateway,
  { prefix = "/v1" }: MountOptions = {},
): (input: string | URL | Request, init?: RequestInit) => Promise<Response> {
  const below = mountPath(prefix);
  return async (input, init) => {
    const request = new Request(input, init);
    const over = new AbortController();
    const leave = (): void => over.abort(request.signal.reason);
    if (request.signal.aborted) leave();
    request.signal.addEventListener("abort", leave, { once: true });
    const end = (): void => {
      request.signal.removeEventListener("abort", leave);
      over.abort();
    };
    const reply = await gateway.handle({
      method: request.method,
      path: below(new URL(request.url).pathname) ?? "",
      headers: Object.fromEntries(request.headers),
      address: undefined,
      signal: over.signal,
      body: unread(request),
    });
    if (typeof reply.body === "string") end();
    const body = typeof reply.body === "string" ? reply.body : readable(reply.body, request.signal, end);
    request.signal.throwIfAborted();
    return new Response(body, { status: reply.status, headers: reply.headers });
  };
}

function unread(request: Request): UnreadBody {
  return {
    async read(maxBytes, signal) {
      const pieces: Uint8Array[] = [];
      let size = 0;
      const reader = request.body?.getReader();
      const stop = (): void => void reader?.cancel(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      try {
        for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
          size += next.value.length;
          if (size > maxBytes) throw new BodyTooLargeError();
          pieces.push(next.value);
        }
      } finally {
        signal.removeEventListener("abort", stop);
      }
      signal.throwIfAborted();
      return Buffer.concat(pieces);
    },
  };
}

function readable(pieces: AsyncIterable<string>, signal: AbortSignal, end: () => void): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (signal.aborted) {
          controller.error(signal.reason);
          await iterator.return?.();
        } else if (done) {
          end();
          controller.close();
        } else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        end();
        await iterator.return?.();
      },
    },
    { highWaterMark: 1 },
  );
}
