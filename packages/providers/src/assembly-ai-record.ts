import { readTranscript, redact, type Transcript } from "@gatewright/core";
import { jsonOf, readText, release } from "./body.ts";
import { isObject } from "./chunk.ts";
import { badResponse, LASTING, type Target, type UpstreamAnswer } from "./upstream.ts";
import { errorIn, upstreamError } from "./upstream-error.ts";

/**
 * The transcript in AssemblyAI's answer; `undefined` where it has none of this id, or has it no more. Throws a `GatewayError`
 * for every other answer.
 */
export async function readRecord(
  id: string,
  target: Target,
  answer: UpstreamAnswer,
  signal: AbortSignal,
): Promise<Transcript | undefined> {
  const { status, contentEncoding } = answer;
  if ((status >= 300 && status < 400) || contentEncoding !== "identity") {
    release(answer, false);
    throw badResponse(target, "answered with a redirect, or compressed unasked", LASTING);
  }
  const value = jsonOf(await readText(target, answer, signal));
  if (status >= 200 && status < 300) return transcriptIn(value, id, target);
  const error = errorIn(value);
  // An id that is unknown is a 400 there, which only its words tell from others.
  if (status === 400 && UNKNOWN_ID.test(error?.message?.slice(0, 1000) ?? "")) return undefined;
  // A 404 is no word on an id, but of a URL that is wrong.
  if (status === 404) throw badResponse(target, "has nothing where transcripts are: see baseUrl", LASTING);
  throw upstreamError(target, answer, error);
}

const UNKNOWN_ID = /transcript\b.*\bnot found/i;

function transcriptIn(value: unknown, asked: string, target: Target): Transcript | undefined {
  if (!isObject(value)) throw badResponse(target, "answered something that is not a transcript");
  // A record of another id is for the layer to see, whatever has become of it.
  if (value.id === asked && isDeleted(value)) return undefined;
  const { id, status, text, utterances, error } = value;
  const said = typeof error === "string" ? redact(error, target.secrets) : undefined;
  // Whose a transcript is, the account says, and no field of it.
  const found = status === undefined ? undefined : readTranscript({ id, status, text, utterances, error: said });
  if (!found) throw badResponse(target, "answered something that is not a transcript");
  return found;
}

/**
 * What is left of a transcript that was deleted: completed, with a text that nobody has said.
 * @see https://www.assemblyai.com/docs/api-reference/transcripts/delete
 */
function isDeleted({ text, audio_url }: Record<string, unknown>): boolean {
  const audio = typeof audio_url === "string" ? audio_url : "";
  return text === "Deleted by user." || /^https?:\/\/deleted_by_user(?:[/?#]|$)/.test(audio);
}
