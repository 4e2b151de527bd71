import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { type ListeningServer, listen } from "./listen.ts";

/** Answers of real services: data to test with, beside the project and not part of it. */
const folder = process.env.RECORDINGS_DIR
  ? pathToFileURL(`${process.env.RECORDINGS_DIR}/`)
  : new URL("../../shared/recordings/", import.meta.url);

/** A JSON object, of which nothing more is known. */
export type Fields = Readonly<Record<string, unknown>>;

export interface StreamRecording {
  readonly name: string;
  /** The data of each event, in order and without `[DONE]`. */
  readonly lines: readonly string[];
  /** The same, parsed. */
  readonly events: readonly Fields[];
}

export interface CompletionRecording {
  readonly name: string;
  readonly text: string;
  readonly completion: Fields;
}

/** Why there are no recordings to test with, or `undefined` where there are. */
export function missing(dialect: string): string | undefined {
  if (existsSync(new URL(`${dialect}/`, folder))) return undefined;
  return `NOT TESTED: there are no recordings in ${folder}${dialect}/. Set RECORDINGS_DIR to the folder that has them.`;
}

export function streams(dialect: string): StreamRecording[] {
  return files(dialect)
    .filter(({ name }) => !name.endsWith(".json"))
    .map(({ name, text }) => {
      const lines = text
        .split("\n")
        .map((line) => (name.endsWith(".sse") ? line.replace(/^data: /, "") : line))
        .filter((line) => line !== "" && line !== "[DONE]");
      return { name, lines, events: lines.map(parsed) };
    });
}

export function completions(dialect: string): CompletionRecording[] {
  return files(dialect)
    .filter(({ name }) => name.endsWith(".json"))
    .map(({ name, text }) => ({ name, text, completion: parsed(text) }));
}

export function parsed(text: string): Fields {
  // Each event and each body of a recording, and each of an answer to one, is an object.
  return JSON.parse(text) as Fields;
}

function files(dialect: string): { readonly name: string; readonly text: string }[] {
  if (missing(dialect) !== undefined) return [];
  const names = readdirSync(new URL(`${dialect}/`, folder)).sort();
  return names.map((name) => ({ name, text: readFileSync(new URL(`${dialect}/${name}`, folder), "utf8") }));
}

/** What a provider answers: its type, and the pieces in which its bytes come, each in a turn of its own. */
interface Replay {
  readonly type: "text/event-stream" | "application/json";
  readonly pieces: readonly Uint8Array[];
  /** Whether the connection is cut after the last piece, in place of an orderly end. */
  readonly cut?: boolean;
}

/** A provider that plays what it is given to play next, to whoever asks. */
export interface Player extends ListeningServer {
  play(next: Replay): void;
}

export async function startPlayer(): Promise<Player> {
  let next: Replay = { type: "application/json", pieces: [] };
  const server = createServer(async (request, response) => {
    const { type, pieces, cut } = next;
    request.resume();
    response.writeHead(200, { "content-type": type });
    for (const piece of pieces) {
      response.write(piece);
      await setImmediate();
    }
    if (cut) response.destroy();
    else response.end();
  });
  return {
    ...(await listen(server)),
    play: (replay) => {
      next = replay;
    },
  };
}
