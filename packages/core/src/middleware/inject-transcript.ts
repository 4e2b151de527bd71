import type { ChatMessage, ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { contextKey } from "../context.ts";
import { GatewayError } from "../error.ts";
import { isFields } from "../json.ts";
import { numberIn } from "../options.ts";
import { failed } from "../transcripts/errors.ts";
import { type Insertion, namesTranscript, readInsertions } from "../transcripts/fields.ts";
import { plainText } from "../transcripts/format.ts";
import { type TranscriptLookupOptions, transcriptLookup } from "../transcripts/lookup.ts";
import { insertText } from "../transcripts/tag.ts";
import type { Transcript } from "../transcripts/transcript.ts";

/** Where transcripts come from, and what becomes of them. */
export interface InjectTranscriptOptions extends Omit<TranscriptLookupOptions, "clock"> {
  /** What of a transcript is inserted; default its `text`. `bySpeaker` is another. Nothing at all is a 422. */
  readonly format?: (transcript: Transcript) => string;
  /** The most characters that are inserted, or what they are for a model; default 1,000,000, about 250,000 tokens. */
  readonly maxChars?: number | ((model: string) => number | undefined);
  /**
   * Makes a text shorter that has more than `maxChars`; default none, which refuses the call. What is still too long is
   * refused. The request is the one that the text is for, its tag still in place.
   */
  readonly shorten?: (text: string, request: ChatRequest) => string | Promise<string>;
  readonly clock?: Clock;
}

/**
 * Puts the transcript that `transcript_id` names into the prompt: the first `{{ transcript }}` of the first message that
 * has it becomes its text, as data: what stands in it means nothing to the gateway. Owns the field, also in the entries of
 * `fallbacks`, which may name another one or bring messages of their own. A call looks each transcript up once, however
 * often it is tried. Rejects with `llm.request.invalid`, `llm.transcript.not_found`, `llm.transcript.not_ready`,
 * `llm.transcript.failed`, `llm.request.context_length`, a 503 where the source fails or is slow, and `llm.internal` where
 * it answers another's transcript. Throws a `TypeError` for a bad option.
 */
export function injectTranscript({
  format = plainText,
  maxChars = MAX_CHARS,
  shorten,
  clock = systemClock,
  ...options
}: InjectTranscriptOptions): Middleware {
  const part = "injectTranscript";
  if (typeof maxChars !== "function") numberIn(part, "maxChars", maxChars, 1, 2 ** 29);
  for (const [name, value] of Object.entries({ format, shorten, onMismatch: options.onMismatch })) {
    if (value !== undefined && typeof value !== "function") throw new TypeError(`${part}: ${name} must be a function.`);
  }
  const lookup = transcriptLookup(part, { ...options, clock });
  /** What a call has found, for its other tries: what is cached may be forgotten in between. */
  const transcripts = contextKey<Map<string, Transcript> | undefined>("transcripts of this call", undefined);

  const find = async (id: string, { call }: ChatRequest): Promise<Transcript> => {
    const known = call.context.get(transcripts) ?? new Map<string, Transcript>();
    call.context.set(transcripts, known);
    // Tries that ask at the same time share one look-up, each with a signal of its own.
    const found = known.get(id) ?? (await lookup(id, call));
    known.set(id, found);
    return found;
  };

  const textFor = async (request: ChatRequest, transcript: Transcript): Promise<string> => {
    const most = typeof maxChars === "number" ? maxChars : (maxChars(request.model) ?? MAX_CHARS);
    const whole = format(transcript);
    const text = whole.length > most && shorten ? await shorten(whole, request) : whole;
    if (text.trim() === "") throw failed("the transcript holds no text");
    if (text.length <= most) return text;
    throw tooLong(text.length, most);
  };

  /** The messages that a try sends. */
  const messagesFor = async ({ request, transcript }: Insertion): Promise<readonly ChatMessage[]> => {
    if (!transcript) return request.messages;
    const text = await textFor(request, await find(transcript.id, request));
    return insertText(request.messages, transcript.place, text);
  };

  return async (original, next) => {
    const { transcript_id: _, ...request } = original;
    if (!namesTranscript(original)) return next(request);
    const { own, fallbacks } = readInsertions(original);
    const [messages = [], ...others] = await Promise.all([own, ...fallbacks].map(messagesFor));
    if (!Array.isArray(request.fallbacks)) return next({ ...request, messages });
    const entries = request.fallbacks.map((entry: unknown, index) => {
      // What is not walked stays; the field means nothing there.
      return others[index] ? withMessages(entry, others[index]) : entry;
    });
    return next({ ...request, messages, fallbacks: entries });
  };
}

const MAX_CHARS = 1_000_000;

/** An entry that brings its messages along, as they are to be sent. */
function withMessages(entry: unknown, messages: readonly ChatMessage[]): unknown {
  if (!isFields(entry)) return entry;
  const { transcript_id: _, prompt: __, ...rest } = entry;
  return { ...rest, messages };
}

function tooLong(chars: number, most: number): GatewayError {
  const message = `the transcript has ${chars} characters, and at most ${most} can be inserted for this model`;
  const issues = [{ path: "transcript_id", message }];
  return new GatewayError("llm.request.context_length", `transcript_id: ${message}`, { issues });
}
