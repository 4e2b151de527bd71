/** What an answer must be. */
export interface Expected {
  readonly marker: string;
  readonly requestId: string;
  /** The texts it may have; each word of them holds the marker. */
  readonly texts: readonly string[];
}

/** How an answer ended, and what was wrong with it: nothing, where the gateway did as it must. */
export interface Verdict {
  readonly ending: "whole" | "refused" | "error event" | "none";
  /** The code of the error that the caller was told. */
  readonly code: string | undefined;
  readonly wrongs: readonly Wrong[];
  /** The provider's own id of the answer. */
  readonly id: string | undefined;
}

/** A failure of the gateway. */
export type Wrong =
  | "bytes of another call"
  | "two endings"
  | "cut, but looks complete"
  | "no ending"
  | "another text"
  | "not an answer of the gateway"
  | "an internal error"
  | "a call that the simulator does not know"
  | "executed twice"
  | "unfinished";

/** Looks at an answer that is no stream. */
export function checkCompletion(status: number, text: string, expected: Expected): Verdict {
  const wrongs = new Set<Wrong>(foreign(text, expected));
  const body = fieldsOf(text);
  if (!body || body.request_id !== expected.requestId) wrongs.add("not an answer of the gateway");
  if (status !== 200) {
    const code = told(body, wrongs);
    return { ending: "refused", code, wrongs: [...wrongs], id: undefined };
  }
  const choice = listOf(body?.choices)[0];
  const content = fields(choice?.message)?.content;
  if (typeof content !== "string" || !choice?.finish_reason) wrongs.add("cut, but looks complete");
  else if (!expected.texts.includes(content)) wrongs.add(cutOrOther(content, expected));
  return { ending: "whole", code: undefined, wrongs: [...wrongs], id: idIn(body) };
}

/** Looks at the text of a stream; `ended` where it came to the end of its response, and was neither cut nor left. */
export function checkStream(text: string, ended: boolean, expected: Expected): Verdict {
  const wrongs = new Set<Wrong>(foreign(text, expected));
  const events = text.split("\n\n");
  if (events.pop() !== "" && ended) wrongs.add("no ending");
  let content = "";
  let finishes = 0;
  let ending: Verdict["ending"] = "none";
  let code: string | undefined;
  let id: string | undefined;
  for (const event of events) {
    if (event.startsWith(":")) continue;
    if (ending !== "none") wrongs.add("two endings");
    if (event === "data: [DONE]") {
      ending = "whole";
      continue;
    }
    const chunk = event.startsWith("data: ") ? fieldsOf(event.slice("data: ".length)) : undefined;
    if (!chunk) wrongs.add("not an answer of the gateway");
    else if (chunk.error !== undefined) {
      ending = "error event";
      code = told(chunk, wrongs);
    } else {
      id ??= idIn(chunk);
      if (typeof chunk.model === "string" && !chunk.model.includes(expected.marker))
        wrongs.add("bytes of another call");
      for (const choice of listOf(chunk.choices)) {
        if (choice.finish_reason) finishes++;
        const piece = fields(choice.delta)?.content;
        if (typeof piece === "string") content += piece;
      }
    }
  }
  if (ended && ending === "none") wrongs.add("no ending");
  if (finishes > 1) wrongs.add("two endings");
  if (ending === "whole" && finishes === 0) wrongs.add("cut, but looks complete");
  if (ending === "whole" && !expected.texts.includes(content)) wrongs.add(cutOrOther(content, expected));
  if (ending !== "whole" && !expected.texts.some((whole) => begins(content, whole))) wrongs.add("another text");
  return { ending, code, wrongs: [...wrongs], id };
}

/** Whether a text is the beginning of another, which an endless answer repeats. */
function begins(text: string, whole: string): boolean {
  return whole.repeat(Math.ceil(text.length / whole.length)).startsWith(text);
}

function cutOrOther(text: string, { texts }: Expected): Wrong {
  return texts.some((whole) => whole.startsWith(text)) ? "cut, but looks complete" : "another text";
}

/** Whether there is something in it that is not of this call. */
export function foreign(text: string, { marker }: Expected): Wrong[] {
  return foreignAt(text, marker) === undefined ? [] : ["bytes of another call"];
}

const EXCERPT = 400;

/** What of an answer with something wrong is shown: what is of another call, or else its end. */
export function excerptOf(text: string, { marker }: Expected): string {
  const at = foreignAt(text, marker) ?? text.length;
  return text.slice(Math.max(0, at - EXCERPT), at + EXCERPT);
}

function foreignAt(text: string, marker: string): number | undefined {
  for (const { 0: found, index } of text.matchAll(/call-\d+|meant for nobody/g)) if (found !== marker) return index;
  return undefined;
}

/** The code of an error in OpenAI's envelope. */
function told(body: Fields | undefined, wrongs: Set<Wrong>): string | undefined {
  const error = fields(body?.error);
  const code = error?.code;
  if (typeof code !== "string" || !code.startsWith("llm.")) wrongs.add("not an answer of the gateway");
  if (code === "llm.internal") wrongs.add("an internal error");
  if (/directive/i.test(String(error?.message))) wrongs.add("a call that the simulator does not know");
  return String(code);
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

function fieldsOf(json: string): Fields | undefined {
  try {
    return fields(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map((each) => fields(each) ?? {}) : [];
}

function idIn(chunk: Fields | undefined): string | undefined {
  return typeof chunk?.id === "string" ? chunk.id : undefined;
}
