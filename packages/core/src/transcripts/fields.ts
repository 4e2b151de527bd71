import type { ChatRequest } from "../chat.ts";
import { type Issue, invalidRequest } from "../error.ts";
import { readFallbackConfig, readFallbacks } from "../fallback-fields.ts";
import { isFields } from "../json.ts";
import { findTag, type TagPlace, TRANSCRIPT_TAG } from "./tag.ts";
import { isTranscriptId } from "./transcript.ts";

/** What one try of a call would send, after its overrides, and what is to be inserted where. */
export interface Insertion {
  readonly request: ChatRequest;
  /** Absent where nothing is to be inserted. `path` is the field of the call that its failures name. */
  readonly transcript?: { readonly id: string; readonly path: string; readonly place: TagPlace };
}

/** The insertions of a call: of its own, and of those of its `fallbacks` that may be walked. */
export interface Insertions {
  readonly own: Insertion;
  readonly fallbacks: readonly Insertion[];
}

/** Whether a call, or one of its `fallbacks`, names a transcript. */
export function namesTranscript({ transcript_id, fallbacks }: ChatRequest): boolean {
  if (isGiven(transcript_id)) return true;
  return Array.isArray(fallbacks) && fallbacks.some((entry) => isFields(entry) && isGiven(entry.transcript_id));
}

/**
 * What a call wants inserted. Throws `llm.request.invalid` that names every failing field: an id that is none, an id without
 * a tag, and entries of `fallbacks` that cannot be used, also those that are not walked.
 */
export function readInsertions(request: ChatRequest): Insertions {
  const { fallbacks } = request;
  const { depth } = readFallbackConfig(request.fallback_config);
  const entries = readFallbacks(fallbacks, request, Number.POSITIVE_INFINITY);
  const issues: Issue[] = [];
  const own = read(request, "transcript_id", "or leave it out", issues);
  const others = entries.map((entry, index) => {
    return read(entry, `fallbacks[${index}].transcript_id`, "or name it in remove_fields", issues);
  });
  if (issues.length > 0) throw invalidRequest(issues);
  return { own, fallbacks: others.slice(0, depth) };
}

function read(request: ChatRequest, path: string, otherwise: string, issues: Issue[]): Insertion {
  const { transcript_id: id, messages } = request;
  if (!isGiven(id)) return { request };
  if (!isTranscriptId(id)) {
    issues.push({ path, message: "must be 1 to 64 letters, digits and -" });
    return { request };
  }
  const place = findTag(messages);
  if (place) return { request, transcript: { id, path, place } };
  issues.push({ path, message: `no message has the tag ${TRANSCRIPT_TAG} for it: add the tag, ${otherwise}` });
  return { request };
}

function isGiven(id: unknown): boolean {
  return id !== undefined && id !== null;
}
