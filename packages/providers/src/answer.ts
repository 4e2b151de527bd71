import { type ChatChunk, EventTooLargeError, JsonError, parseJson, readEvents } from "@gatewright/core";
import { readBytes, readText, release } from "./body.ts";
import { asChunk, completionAsChunk } from "./chunk.ts";
import { badResponse, type Target, type UpstreamAnswer } from "./upstream.ts";
import { errorIn, upstreamError } from "./upstream-error.ts";

/** The chunks of an answer, and the model that says it gave them: known once the first chunk was read. */
export interface Answer {
  readonly chunks: AsyncIterable<ChatChunk>;
  readonly model: () => string | undefined;
}

/** Reads a provider's answer as chunks, whether it is a stream or a completion. Throws a `GatewayError` for neither. */
export async function readAnswer(target: Target, answer: UpstreamAnswer, signal: AbortSignal): Promise<Answer> {
  const { status, body, contentType, contentEncoding } = answer;
  // A body that is closed early emits an error, also where nobody reads it any more.
  body.on("error", () => {});
  const refuse = (what: string): Error => {
    release(body, false);
    return badResponse(target, what);
  };
  if (status >= 300 && status < 400) throw refuse(`answered with a redirect (${status}), which is not followed`);
  if (contentEncoding !== "identity") throw refuse("compressed its answer, which was asked for uncompressed");
  const bytes = readBytes(target, answer, signal);
  const ok = status >= 200 && status < 300;
  if (ok && contentType.startsWith("text/event-stream")) return streamed(target, answer, bytes);

  const text = await readText(bytes);
  const value = jsonOf(text);
  const error = errorIn(value);
  if (!ok || error) throw upstreamError(target, answer, error);
  const chunk = completionAsChunk(value);
  if (!chunk) throw refuse(text === "" ? "answered nothing" : "answered something that is not a chat completion");
  return {
    chunks: (async function* () {
      yield chunk;
    })(),
    model: () => chunk.model,
  };
}

function streamed(target: Target, answer: UpstreamAnswer, bytes: AsyncIterable<Uint8Array>): Answer {
  let model: string | undefined;
  const read = async function* (): AsyncGenerator<ChatChunk, void, undefined> {
    let saidAll = false;
    try {
      for await (const { data } of readEvents(bytes)) {
        saidAll = data === "[DONE]";
        if (saidAll) return;
        const value = jsonOf(data);
        const error = errorIn(value);
        if (error) throw upstreamError(target, answer, error);
        const chunk = asChunk(value);
        if (!chunk) throw badResponse(target, "sent an event that is not a chunk of a chat completion");
        model ||= chunk.model;
        yield chunk;
      }
    } catch (thrown) {
      throw thrown instanceof EventTooLargeError ? badResponse(target, "sent an event that is too large") : thrown;
    } finally {
      release(answer.body, saidAll);
    }
  };
  return { chunks: read(), model: () => model };
}

/** The value of JSON text, or `undefined`, which no JSON text has, where it is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}
