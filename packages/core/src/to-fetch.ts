import { unlessAborted } from "./abort.ts";
import { GatewayError } from "./error.ts";
import type { Gateway } from "./gateway.ts";
import { abandon, BodyTooLargeError, type HttpReply, type UnreadBody } from "./http.ts";
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
    const caller = request.signal;
    const replying = gateway.handle({
      method: request.method,
      path: below(new URL(request.url).pathname) ?? "",
      headers: Object.fromEntries(request.headers),
      address: undefined,
      signal: over.signal,
      body: unread(request),
    });
    const letGo = (late: HttpReply): void => void abandon(late).catch(() => {});
    const reply = await unlessAborted(replying, caller, letGo).catch((reason: unknown) => {
      over.abort(reason);
      throw reason;
    });
    if (caller.aborted) {
      over.abort(caller.reason);
      letGo(reply);
      throw caller.reason;
    }
    const { status, headers, body } = reply;
    if (typeof body === "string") over.abort();
    const sent = typeof body === "string" ? body : readable(body, caller, over, gateway.writeIdleMs);
    return new Response(sent, { status, headers });
  };
}

function unread(request: Request): UnreadBody {
  return {
    async read(maxBytes, signal) {
      const pieces: Uint8Array[] = [];
      let size = 0;
      const reader = request.body?.getReader();
      // What fails to be canceled is broken already, and the reading below says so.
      const cancel = (): void => void reader?.cancel(signal.reason).catch(() => {});
      signal.addEventListener("abort", cancel, { once: true });
      try {
        signal.throwIfAborted();
        for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
          size += next.value.length;
          if (size > maxBytes) throw new BodyTooLargeError();
          pieces.push(next.value);
        }
        signal.throwIfAborted();
        return Buffer.concat(pieces);
      } finally {
        signal.removeEventListener("abort", cancel);
        cancel();
      }
    },
  };
}

function readable(
  pieces: AsyncIterable<string>,
  caller: AbortSignal,
  over: AbortController,
  idleMs: number,
): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let begun = false;
  let leave = (): void => {};
  let unread: NodeJS.Timeout | undefined;
  const end = async (reason?: unknown): Promise<void> => {
    clearTimeout(unread);
    caller.removeEventListener("abort", leave);
    over.abort(reason);
    // Ending what has not begun would end nothing that is behind it.
    if (!begun) await iterator.next();
    await iterator.return?.();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        leave = () => {
          controller.error(caller.reason);
          // What fails while it is let go has nobody left to tell.
          end(caller.reason).catch(() => {});
        };
        caller.addEventListener("abort", leave, { once: true });
      },
      async pull(controller) {
        begun = true;
        clearTimeout(unread);
        const { done, value } = await iterator.next().catch(async (thrown: unknown) => {
          await end(thrown);
          throw thrown;
        });
        if (caller.aborted) return;
        if (!done) {
          controller.enqueue(encoder.encode(value));
          unread = setTimeout(() => {
            controller.error(UNREAD);
            end(UNREAD).catch(() => {});
          }, idleMs).unref();
          return;
        }
        controller.close();
        await end();
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  );
}

const UNREAD = new GatewayError("llm.canceled", "Nobody has read on in this answer.");
