import { createServer, type ServerResponse } from "node:http";
import { injectTranscript, type Middleware } from "@gatewright/core";
import { assemblyAi } from "@gatewright/providers";
import { Agent } from "undici";
import { listen } from "../listen.ts";
import type { Ask } from "./caller.ts";
import { type Row, row, tell } from "./row.ts";

// What becomes of calls that ask about a transcript whose service is out of order. `test/transcripts.test.ts` looks at more of it.

const ASKED: Ask = {
  body: { transcript_id: "call-17", messages: [{ role: "user", content: "Sum up: {{ transcript }}" }] },
};
const RECORD = { id: "call-17", status: "completed", audio_url: "https://audio.test/17.mp3", text: "Hello." };

/** One call, and the same as a stream, with a second target and retries: neither helps, and none is asked. */
function outOfOrder(facts: Omit<Row, "phase">, answer: (response: ServerResponse) => void): void {
  for (const stream of [false, true]) {
    let inject: Middleware | undefined;
    const layer: Middleware = (request, next) => (inject ?? failed)(request, next);
    const name = stream ? `${facts.row}, a stream` : facts.row;
    row({ ...facts, row: name, phase: "deps" }, { backup: true, layers: [layer] }, async (lab) => {
      const service = await listen(createServer((_request, response) => answer(response)));
      const dispatcher = new Agent();
      inject = injectTranscript({
        source: assemblyAi({ baseUrl: service.url, apiKey: "key-of-the-service", dispatcher }),
        timeoutMs: 200,
      });
      try {
        const answered = await lab.caller.ask("sim", { ...ASKED, stream });
        return { done: lab.log.at(-1)?.tried ?? "", back: tell(answered) };
      } finally {
        await dispatcher.destroy();
        await service.close();
      }
    });
  }
}

const failed: Middleware = () => Promise.reject(new Error("The service has not started."));

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

outOfOrder({ row: "75", fault: "the transcript service fails" }, (response) => {
  json(response, 500, { error: "Server error" });
});

outOfOrder({ row: "75, unreachable", fault: "the transcript service breaks the connection" }, (response) => {
  response.destroy();
});

outOfOrder({ row: "75, slow", fault: "the transcript service does not answer in time" }, () => {});

outOfOrder({ row: "75, another's", fault: "the transcript service answers another's record" }, (response) => {
  json(response, 200, { ...RECORD, id: "call-18", text: "The words of another." });
});
