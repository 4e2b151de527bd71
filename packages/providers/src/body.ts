import { badResponse, bodyError, type Target, type UpstreamAnswer } from "./upstream.ts";

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
        throw badResponse(target, `answered more than ${target.maxResponseBytes} bytes`);
      }
      yield bytes;
    }
  } catch (thrown) {
    throw bodyError(thrown, target, signal);
  }
}

export async function readText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

/** How long a connection may take to end its answer once it has said all, to be used again for another call. */
const END_MS = 100;

/** Lets go of a body: one that has said all is read to its end, so that its connection can be used again; else it is closed. */
export function release(body: UpstreamAnswer["body"], saidAll: boolean): void {
  if (body.readableEnded || body.destroyed) return;
  if (!saidAll) {
    body.destroy();
    return;
  }
  const timer = setTimeout(() => body.destroy(), END_MS);
  body.on("close", () => clearTimeout(timer)).resume();
}
