import { statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isFields, parseJson } from "../json.ts";
import { isFor, isTranscriptId, readTranscript, type Transcript, type TranscriptSource } from "./transcript.ts";

/** How large a file may be, in bytes. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * A source of transcripts in the files of a folder: `ID.json`, with the fields of `Transcript`, or else `ID.txt`, the text
 * alone. One with an `owner` is found only by that caller. A file of more than 32 MiB, or that holds no transcript, fails the
 * call. Links are followed. Throws a `TypeError` where the folder is not there.
 */
export function fileTranscripts(folder: string): TranscriptSource {
  if (typeof folder !== "string" || folder === "") throw new TypeError("fileTranscripts: folder must be a path.");
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new TypeError(`fileTranscripts: folder ${JSON.stringify(folder)} is not there, or is no folder.`);
  }
  return async (id, call) => {
    // Whoever calls this: nothing but an id comes into a path.
    if (!isTranscriptId(id)) return undefined;
    const { signal } = call;
    const json = await textOf(join(folder, `${id}.json`), signal);
    const found = json === undefined ? undefined : recordIn(json, id);
    if (found) return isFor(found, call) ? found : undefined;
    const text = await textOf(join(folder, `${id}.txt`), signal);
    return text === undefined ? undefined : { id, text };
  };
}

function recordIn(json: string, id: string): Transcript {
  const value = parseJson(json);
  const found = isFields(value) ? readTranscript({ id, ...value }) : undefined;
  if (!found) throw new TypeError(`${id}.json holds no transcript.`);
  return found;
}

async function textOf(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > MAX_BYTES)
      throw new TypeError(`${path} is no file of at most ${MAX_BYTES} bytes.`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path, { signal }));
  } catch (thrown) {
    const missing = thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
    if (missing) return undefined;
    throw thrown;
  }
}
