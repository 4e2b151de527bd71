import type { RequestListener, ServerResponse } from "node:http";
import { completion, events, pieces } from "./answers.ts";
import { PACED } from "./calls.ts";

/** A provider that answers every call alike and thinks about none. */
export const provider: RequestListener = (request, response) => {
  let body = "";
  request.setEncoding("latin1").on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { "content-type": "application/json", "content-length": completion.length });
      response.end(completion);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    if (body.includes(`"user":"${PACED}"`)) write(response, events, (next) => setTimeout(next, GAP_MS));
    else write(response, pieces, setImmediate);
  });
};

/** Between two chunks of a paced stream: shorter than any model's, but long enough that each is read by itself. */
const GAP_MS = 1;

function write(response: ServerResponse, parts: readonly Buffer[], later: (next: () => void) => void): void {
  let at = 0;
  const next = (): void => {
    const part = parts[at++];
    if (part === undefined) {
      response.end();
      return;
    }
    response.write(part);
    later(next);
  };
  next();
}
