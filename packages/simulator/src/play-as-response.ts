import { pause } from "./pause.ts";
import { type Head, isHead, type Step } from "./step.ts";

/** How much text is gathered into one chunk of the body. */
const BATCH = 65_536;

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Plays an answer as `fetch` would give it back. A connection that fails is a rejection, or an error in the body; what
 * has no place in a `Response`, such as a 103 or a second response, is left out.
 */
export async function playAsResponse(steps: Iterable<Step>, signal: AbortSignal | undefined): Promise<Response> {
  const run = Iterator.from(steps);
  const leaving = new AbortController();
  const leave = () => leaving.abort(signal?.reason);
  if (signal?.aborted) leave();
  signal?.addEventListener("abort", leave, { once: true });
  const { status, headers } = await untilHead(run, leaving.signal);
  const chunks = chunksOf(run, leaving.signal);
  const body = new ReadableStream<Bytes>(
    {
      pull: async (controller) => {
        const { value, done } = await chunks.next();
        if (!done) return controller.enqueue(value);
        signal?.removeEventListener("abort", leave);
        controller.close();
      },
      cancel: () => leaving.abort(),
    },
    { highWaterMark: 0 }, // A chunk is made when it is asked for; one made before would be lost to an error after it.
  );
  const bodyless = status === 204 || status === 205 || status === 304;
  return new Response(bodyless ? null : decoded(body, headers["content-encoding"]), { status, headers });
}

async function untilHead(run: IteratorObject<Step>, gone: AbortSignal): Promise<Head> {
  for (;;) {
    gone.throwIfAborted();
    const { value: step, done } = run.next();
    if (done || typeof step === "string" || step instanceof Uint8Array) throw failure("fetch failed", "UND_ERR_SOCKET");
    if (isHead(step)) return step;
    if (step.kind === "wait") await pause(step.ms, gone);
    if (step.kind === "reset") throw failure("fetch failed", "ECONNRESET");
    if (step.kind === "close") throw failure("fetch failed", "UND_ERR_SOCKET");
    if (step.kind === "raw") throw failure("fetch failed", "HPE_INVALID_CONSTANT");
  }
}

async function* chunksOf(run: IteratorObject<Step>, gone: AbortSignal): AsyncGenerator<Bytes, undefined> {
  const encoder = new TextEncoder();
  let text = "";
  for (const step of run) {
    gone.throwIfAborted();
    if (typeof step === "string") {
      text += step;
      if (text.length < BATCH) continue;
    }
    if (text !== "") yield encoder.encode(text);
    text = "";
    if (typeof step === "string") continue;
    if (step instanceof Uint8Array) yield new Uint8Array(step);
    else if (step.kind === "end") return;
    else if (step.kind === "wait") await pause(step.ms, gone);
    else if (step.kind === "reset") throw failure("terminated", "ECONNRESET");
    else if (step.kind === "close") throw failure("terminated", "UND_ERR_SOCKET");
  }
  gone.throwIfAborted();
  if (text !== "") yield encoder.encode(text);
}

/** Takes off each content-encoding, the last one first, as `fetch` does. */
function decoded(body: ReadableStream<Bytes>, encodings: string | undefined): ReadableStream<Bytes> {
  if (encodings === undefined) return body;
  return encodings.split(",").reduce((inner) => inner.pipeThrough(new DecompressionStream("gzip")), body);
}

/** What `fetch` throws: a TypeError whose cause says what the connection did. */
function failure(message: string, code: string): TypeError {
  return new TypeError(message, { cause: Object.assign(new Error(`${message}: ${code}`), { code }) });
}
