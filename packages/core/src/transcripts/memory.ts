import { isFields } from "../json.ts";
import { isFor, type Transcript, type TranscriptSource } from "./transcript.ts";

/**
 * A source of transcripts that are there already, by id: texts, or records without their id. One with an `owner` is found
 * only by that caller. Throws a `TypeError` for what is no object.
 * @example memoryTranscripts({ "call-1": "Hello, this is Anna.", "call-2": { text: "…", owner: "key alice" } })
 */
export function memoryTranscripts(
  transcripts: Readonly<Record<string, string | Omit<Transcript, "id">>>,
): TranscriptSource {
  if (!isFields(transcripts)) throw new TypeError("memoryTranscripts: transcripts must be an object, by id.");
  return async (id, call) => {
    const known = Object.hasOwn(transcripts, id) ? transcripts[id] : undefined;
    if (known === undefined) return undefined;
    const found = typeof known === "string" ? { text: known } : known;
    // To who does not own it, it is not there.
    return isFor(found, call) ? { ...found, id } : undefined;
  };
}
