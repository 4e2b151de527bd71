import { JsonError, parseJson } from "@gatewright/core";
import { badResponse, bodyError, LASTING, type Target, type UpstreamAnswer } from "./upstream.ts";

/** The bytes of an answer, up to the target's limit. A reader that stops early must `release` the body. */
export async function* readBytes(
  target: Target,
  { body }: UpstreamAnswer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  try {
    for await (const piece of body.iterator({ destroyOnReturn: false })) {
      // A readable without an encoding gives buffers.
      const bytes = piece as Buffer;
      size += bytes.length;
      if (size > target.maxResponseBytes) {
        body.destroy();
        throw tooMuch(target);
      }
      yield bytes;
    }
  } catch (thrown) {
    throw bodyError(thrown, target, signal);
  }
}

/** The whole of an answer as text, up to the target's limit. */
export function readText(target: Target, { body, keep }: UpstreamAnswer, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const fail = (thrown?: unknown): void => reject(bodyError(thrown, target, signal));
    body.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size > target.maxResponseBytes) body.destroy(tooMuch(target));
      else pieces.push(piece);
    });
    body.on("error", fail).on("close", fail);
    body.on("end", () => {
      body.off("close", fail);
      keep();
      resolve(Buffer.concat(pieces).toString("utf8"));
    });
  });
}

function tooMuch(target: Target): Error {
  return badResponse(target, `answered more than ${target.maxResponseBytes} bytes`, LASTING);
}

/** How long a connection may take to end its answer once it has said all, to be used again for another call. */
const END_MS = 100;

/** Lets go of a body: one that has said all is read to its end, so that its connection can be used again; else it is closed. */
export function release({ body, keep }: Pick<UpstreamAnswer, "body" | "keep">, saidAll: boolean): void {
  if (body.readableEnded || body.destroyed) return;
  if (saidAll) keep();
  else {
    body.destroy();
    return;
  }
  const timer = setTimeout(() => body.destroy(), END_MS);
  body.on("close", () => clearTimeout(timer)).resume();
}

/** The value of JSON text, or `undefined`, which no JSON text has, where it is not JSON. */
export function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}
