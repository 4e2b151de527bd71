import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { pause } from "./pause.ts";
import type { Step } from "./step.ts";

/** How much text is gathered before it is written. */
const BATCH = 65_536;

/** How long a break waits for the bytes before it, which it would otherwise overtake, in milliseconds. */
const SETTLE_MS = 5;

/** How a response came to its end: as planned, with its connection broken on purpose, or because the client left. */
export type Ending = "ended" | "broken" | "left";

/**
 * Plays an answer on a Node response: in as few writes as its waits allow, no faster than the client reads, and no
 * longer than it stays.
 */
export async function playOnNode(steps: Iterable<Step>, response: ServerResponse): Promise<Ending> {
  const { socket } = response.req;
  let text = "";
  let held = false; // Node holds a head back until there is something to send after it.
  let gone: AbortSignal | undefined;
  const write = async (bytes: string | Uint8Array) => {
    held = false;
    if (!response.destroyed && !response.write(bytes)) await drained(response);
  };
  const flush = async () => {
    const gathered = text;
    text = "";
    if (gathered !== "") await write(gathered);
    else if (held) response.flushHeaders();
    held = false;
  };

  for (const step of steps) {
    if (response.destroyed) return "left";
    if (typeof step === "string") {
      text += step;
      if (text.length >= BATCH) await flush();
      continue;
    }
    if (step instanceof Uint8Array) {
      await flush();
      await write(step);
      await nextTurn(); // Node would join writes of one turn of the event loop.
      continue;
    }
    switch (step.kind) {
      case "head":
        response.writeHead(step.status, step.headers);
        held = true;
        break;
      case "hints":
        response.writeEarlyHints({ link: "</v1/models>; rel=preload; as=fetch" });
        break;
      case "wait":
        await flush();
        gone ??= closing(response);
        await pause(step.ms, gone);
        break;
      case "end":
        response.end(text);
        text = "";
        break;
      case "raw":
        socket.write(step.text);
        break;
      case "close":
      case "reset":
        await flush();
        if (response.headersSent) await pause(SETTLE_MS, closing(response));
        if (step.kind === "close") socket.destroySoon();
        else socket.resetAndDestroy();
        return "broken";
    }
  }
  if (response.destroyed) return "left";
  if (!response.writableEnded) response.end(text);
  return "ended";
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.on("drain", go).on("close", go);
  });
}

function closing(response: ServerResponse): AbortSignal {
  if (response.destroyed) return AbortSignal.abort();
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}
