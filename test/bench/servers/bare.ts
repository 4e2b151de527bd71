import type { MakeListener } from "../servers.ts";
import { askProvider, wantsStream } from "./ask-provider.ts";

/** The least a proxy can do: JSON is parsed and written again both ways, and the bytes of a stream are piped. */
export const bare: MakeListener = (providerUrl) => {
  const ask = askProvider(providerUrl);
  return (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", async () => {
      const body: unknown = JSON.parse(Buffer.concat(pieces).toString("utf8"));
      const answer = await ask(body);
      if (wantsStream(body)) {
        response.writeHead(answer.statusCode, { "content-type": "text/event-stream; charset=utf-8" });
        answer.body.pipe(response);
        return;
      }
      const text = JSON.stringify(await answer.body.json());
      const length = Buffer.byteLength(text);
      response.writeHead(answer.statusCode, { "content-type": "application/json", "content-length": length });
      response.end(text);
    });
  };
};
