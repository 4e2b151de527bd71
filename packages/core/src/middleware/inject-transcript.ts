import { isDeepStrictEqual } from "node:util";
import { branch, unlessAborted } from "../abort.ts";
import type { ChatMessage, ChatRequest, Middleware } from "../chat.ts";
import { type Clock, systemClock } from "../clock.ts";
import { contextKey } from "../context.ts";
import { toGatewayError } from "../error.ts";
import { isFields } from "../json.ts";
import { numberIn } from "../options.ts";
import { failed, refused } from "../transcripts/errors.ts";
import { type Insertion, namesTranscript, readInsertions } from "../transcripts/fields.ts";
import { plainText } from "../transcripts/format.ts";
import { type TranscriptLookupOptions, transcriptLookup } from "../transcripts/lookup.ts";
import { insertText } from "../transcripts/tag.ts";
import type { Transcript } from "../transcripts/transcript.ts";

/** What a call has made, for its other tries: what is cached may be forgotten in between. */
interface Made {
  /** What is inserted of a transcript, by its id, where it is not too long. */
  readonly texts: Map<string, string>;
  readonly shorter: Shorter[];
}

interface Shorter {
  readonly id: string;
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly text: string;
}

/** Where transcripts come from, and what becomes of them. */
export interface InjectTranscriptOptions extends Omit<TranscriptLookupOptions, "clock"> {
  /** What of a transcript is inserted; default its `text`. `bySpeaker` is another. Nothing at all is a 422. */
  readonly format?: (transcript: Transcript) => string;
  /**
   * The most characters that are inserted, or what they are for a model; default 1,000,000, about 250,000 tokens. What is no
   * number fails the call.
   */
  readonly maxChars?: number | ((model: string) => number | undefined);
  /**
   * Makes a text shorter that has more than `maxChars`; default none, which refuses the call. What is still too long is
   * refused. The request is the one that the text is for, its tag still in place; who leaves does not wait for it.
   */
  readonly shorten?: (text: string, request: ChatRequest) => string | Promise<string>;
  readonly clock?: Clock;
}

/**
 * Puts the transcript that `transcript_id` names into the prompt: the first `{{ transcript }}` of the first message that
 * has it becomes its text, as data: what stands in it means nothing to the gateway. Owns the field, also in the entries of
 * `fallbacks`, which may name another one or bring messages of their own. A call looks each transcript up, and makes its text, once,
 * however often it is tried. Rejects with `llm.request.invalid`, `llm.transcript.not_found`, `llm.transcript.not_ready`,
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
  const makings = contextKey<Made | undefined>("transcripts of this call", undefined);

  const madeBy = ({ call }: ChatRequest): Made => {
    const made = call.context.get(makings) ?? { texts: new Map(), shorter: [] };
    call.context.set(makings, made);
    return made;
  };

  const mostFor = (model: string): number => {
    if (typeof maxChars === "number") return maxChars;
    const most = maxChars(model) ?? MAX_CHARS;
    if (typeof most === "number" && most >= 0) return most;
    throw broken(`maxChars must give a number or undefined for ${JSON.stringify(model)}`);
  };

  /** The whole text of a transcript. Tries that ask at the same time share one look-up, each with a signal of its own. */
  const wholeOf = async (request: ChatRequest, { id, path }: Named): Promise<string> => {
    const { texts } = madeBy(request);
    const known = texts.get(id);
    if (known !== undefined) return known;
    const found = await lookup(id, request.call, path);
    const text = texts.get(id) ?? format(found);
    if (typeof text !== "string") throw broken("format must return a text");
    texts.set(id, text);
    return text;
  };

  const shorterOf = async (
    request: ChatRequest,
    id: string,
    whole: string,
    shorten: NonNullable<InjectTranscriptOptions["shorten"]>,
  ): Promise<string> => {
    const { shorter } = madeBy(request);
    const { model, messages } = request;
    const known = shorter.find((made) => {
      return made.id === id && made.model === model && isDeepStrictEqual(made.messages, messages);
    });
    if (known) return known.text;
    const text = await unlessAborted((async () => shorten(whole, request))(), request.call.signal);
    if (typeof text !== "string") throw broken("shorten must return a text");
    shorter.push({ id, model, messages, text });
    return text;
  };

  const textFor = async (request: ChatRequest, named: Named): Promise<string> => {
    const whole = await wholeOf(request, named);
    const most = mostFor(request.model);
    const text = whole.length > most && shorten ? await shorterOf(request, named.id, whole, shorten) : whole;
    if (text.trim() === "") throw failed(named.path, "the transcript holds no text");
    if (text.length <= most) return text;
    const message = `the transcript has ${text.length} characters, and at most ${most} can be inserted for this model`;
    throw refused("llm.request.context_length", named.path, message);
  };

  /** The messages that a try sends. */
  const messagesFor = async ({ request, transcript }: Insertion): Promise<readonly ChatMessage[]> => {
    if (!transcript) return request.messages;
    return insertText(request.messages, transcript.place, await textFor(request, transcript));
  };

  /** The messages of the call, and of each of its fallbacks that may be walked. */
  const insert = async (request: ChatRequest): Promise<(readonly ChatMessage[])[]> => {
    const { own, fallbacks } = readInsertions(request);
    return Promise.all([own, ...fallbacks].map(messagesFor));
  };

  return async (original, next) => {
    const { transcript_id: _, ...request } = original;
    if (!namesTranscript(original)) return next(withEntries(request, []));
    // Where one of its transcripts cannot be had, the call does not ask for the others any longer.
    const asking = branch(original);
    const [messages = [], ...others] = await insert(asking.request).finally(asking.release);
    return next(withEntries({ ...request, messages }, others));
  };
}

const MAX_CHARS = 1_000_000;

type Named = NonNullable<Insertion["transcript"]>;

/** The request with its `fallbacks` as they are to be sent: without the field, and with their messages where they are known. */
function withEntries(request: ChatRequest, messages: readonly (readonly ChatMessage[])[]): ChatRequest {
  if (!Array.isArray(request.fallbacks)) return request;
  const fallbacks = request.fallbacks.map((entry: unknown, index) => {
    if (!isFields(entry)) return entry;
    const { transcript_id: _, ...kept } = entry;
    if (!messages[index]) return kept;
    const { prompt: __, ...rest } = kept;
    return { ...rest, messages: messages[index] };
  });
  return { ...request, fallbacks };
}

/** What a function of the operator's that is broken does to a call. */
function broken(what: string): Error {
  return toGatewayError(new TypeError(`injectTranscript: ${what}.`));
}
