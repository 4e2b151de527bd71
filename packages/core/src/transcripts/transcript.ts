import type { Call } from "../call.ts";
import { callerId } from "../caller.ts";
import { isFields } from "../json.ts";

/** What a transcript source knows of one transcript. */
export interface Transcript {
  /** Its id: the one that was asked for. A record with another is never used. */
  readonly id: string;
  /** How far it is; default `completed`. Only a completed one is put into a prompt. */
  readonly status?: TranscriptStatus;
  /** What was said: redacted where the service redacts. */
  readonly text?: string | null;
  /** What was said, by speaker, where the service tells them apart. */
  readonly utterances?: readonly Utterance[] | null;
  /** Why there is none, with the status `error`: shown to the caller, redacted. */
  readonly error?: string | null;
  /** Whose it is, as `callerId` names the caller, such as `key alice`; left out: of whoever the source gives it to. */
  readonly owner?: string;
}

/** How far a transcript is. */
export type TranscriptStatus = "queued" | "processing" | "completed" | "error";

/** What one speaker said without a break. */
export interface Utterance {
  readonly speaker?: string | null;
  readonly text: string;
  /** When it begins, in milliseconds from the start of the recording. */
  readonly start?: number | null;
}

/**
 * Finds a transcript by its id for a call; `undefined` where that caller has none of this id. The id is one that
 * `isTranscriptId` takes. Listens to the call's signal. It may be asked once for several calls of one caller, of which it
 * gets the first. What it throws is a 503 for the caller, unless it is a `GatewayError` of the gateway's own.
 */
export type TranscriptSource = (id: string, call: Call) => Promise<Transcript | undefined>;

const ID = /^[A-Za-z0-9-]{1,64}$/;

/** Whether a value can be the id of a transcript: 1 to 64 letters, digits and `-`, so that it is safe in a URL and a path. */
export function isTranscriptId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

const STATUSES: readonly unknown[] = ["queued", "processing", "completed", "error"] satisfies TranscriptStatus[];

/**
 * A transcript from a value that is not known to be one, such as parsed JSON, without its other fields; else `undefined`.
 * Utterances one of which has no text are left out, as are speakers and times that are none.
 */
export function readTranscript(value: unknown): Transcript | undefined {
  if (!isFields(value)) return undefined;
  const { id, status = "completed", text, utterances, error, owner } = value;
  if (typeof id !== "string" || !isStatus(status) || !isText(text) || !isText(error)) return undefined;
  if (owner !== undefined && typeof owner !== "string") return undefined;
  const spoken = readUtterances(utterances);
  return {
    id,
    status,
    ...(text && { text }),
    ...(spoken.length > 0 && { utterances: spoken }),
    ...(error && { error }),
    ...(owner !== undefined && { owner }),
  };
}

function isStatus(value: unknown): value is TranscriptStatus {
  return STATUSES.includes(value);
}

function isText(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}

/** The utterances; none where one has no text, for the rest would be another conversation. */
function readUtterances(value: unknown): Utterance[] {
  const spoken: Utterance[] = [];
  for (const one of Array.isArray(value) ? value : []) {
    if (!isFields(one) || typeof one.text !== "string") return [];
    const { speaker, text, start } = one;
    const isTime = typeof start === "number" && Number.isFinite(start) && start >= 0;
    spoken.push({ speaker: typeof speaker === "string" ? speaker : null, text, start: isTime ? start : null });
  }
  return spoken;
}

/** Whether a transcript is there for a call: it is its caller's, or of whoever is given it. */
export function isFor({ owner }: Pick<Transcript, "owner">, call: Call): boolean {
  return owner === undefined || owner === callerId(call);
}
