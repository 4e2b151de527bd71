import type { IncomingMessage } from "node:http";

/** Reads a request's body, or gives nothing where it is longer than `limit` bytes or the client leaves on the way. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let size = 0;
    request.on("data", (part: Buffer) => {
      size += part.length;
      if (size <= limit) parts.push(part);
      else resolve(undefined);
    });
    request.on("end", () => resolve(Buffer.concat(parts)));
    request.on("close", () => resolve(undefined));
    if (Number(request.headers["content-length"]) > limit) resolve(undefined);
  });
}
