import type { Directives } from "./directives.ts";
import { CLOSE, RESET, SILENCE, type Step } from "./step.ts";

/** The steps of a call whose connection fails before any response, or nothing where no directive asks for one. */
export function connectionFault(directives: Directives): readonly Step[] | undefined {
  const { stall } = directives;
  if (stall === true || stall === "headers") return [SILENCE];
  if (directives.reset === true) return [RESET];
  if (directives.close === true) return [CLOSE];
  if (directives["bad-status-line"]) return [raw("HTTQ/1.1 OK 200\r\ncontent-length: 2\r\n\r\n{}"), CLOSE];
  if (directives["bad-header"]) return [raw("HTTP/1.1 200 OK\r\nbad header\r\ncontent-length: 2\r\n\r\n{}"), CLOSE];
  return undefined;
}

/** A response that nobody asked for, as bytes for the connection. */
export function unsolicited(): Step {
  const body = '{"object":"chat.completion","choices":[{"message":{"content":"meant for nobody"}}]}';
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  return raw(`${head}\r\n\r\n${body}`);
}

function raw(text: string): Step {
  return { kind: "raw", text };
}
