/** One server-sent event. */
export interface ServerSentEvent {
  /** The event's name; `undefined` where it has none. */
  readonly event: string | undefined;
  readonly data: string;
  readonly id: string | undefined;
}

/** An event larger than a reader may hold. */
export class EventTooLargeError extends Error {
  override readonly name = "EventTooLargeError";
}

/**
 * Reads server-sent events from pieces of text that may be split anywhere.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventReader {
  readonly #maxChars: number;
  #rest = "";
  /** What the next piece may begin with and means nothing. */
  #skip = "\ufeff";
  #data: string[] = [];
  #detached = 0;
  #chars = 0;
  #event: string | undefined;
  #id: string | undefined;

  /** `maxChars`: how long one event may be, default 2 Mi characters. */
  constructor(maxChars: number = 2 * 1024 * 1024) {
    this.#maxChars = maxChars;
  }

  /** The events that this piece completes. Throws `EventTooLargeError`. What is incomplete at the end is no event. */
  read(text: string): ServerSentEvent[] {
    if (text === "") return [];
    const events: ServerSentEvent[] = [];
    // A byte order mark may stand in front of all; a CRLF may be split between two pieces.
    let start = text.startsWith(this.#skip) ? this.#skip.length : 0;
    this.#skip = NOTHING;
    const hasReturns = text.includes("\r");
    for (;;) {
      const end = lineEnd(text, start, hasReturns);
      if (end === -1) break;
      const line = this.#rest === "" ? text.slice(start, end) : this.#rest + text.slice(start, end);
      this.#rest = "";
      this.#line(line, events);
      start = end + 1;
      if (text.charCodeAt(end) !== RETURN) continue;
      if (start === text.length) this.#skip = "\n";
      else if (text.charCodeAt(start) === NEWLINE) start++;
    }
    // What goes on in the next piece must not keep this one alive.
    this.#rest += start === 0 ? text : detached(text.slice(start));
    for (; this.#detached < this.#data.length; this.#detached++) {
      this.#data[this.#detached] = detached(this.#data[this.#detached] ?? "");
    }
    this.#check(this.#rest.length);
    return events;
  }

  #line(line: string, events: ServerSentEvent[]): void {
    if (line === "") {
      this.#dispatch(events);
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1);
    if (field === "data") {
      this.#data.push(value);
      this.#chars += value.length + 1;
      this.#check(0);
    } else if (field === "event") this.#event = value === "" ? undefined : value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }

  #dispatch(events: ServerSentEvent[]): void {
    if (this.#data.length > 0) events.push({ event: this.#event, data: this.#data.join("\n"), id: this.#id });
    this.#data = [];
    this.#detached = 0;
    this.#chars = 0;
    this.#event = undefined;
    this.#id = undefined;
  }

  #check(unread: number): void {
    if (this.#chars + unread > this.#maxChars) {
      throw new EventTooLargeError(`A server-sent event is longer than ${this.#maxChars} characters.`);
    }
  }
}

/** The events of a stream of UTF-8 bytes. */
export async function* readEvents(
  bytes: AsyncIterable<Uint8Array>,
  maxChars?: number,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const reader = new EventReader(maxChars);
  for await (const piece of bytes) yield* reader.read(decoder.decode(piece, { stream: true }));
}

/** An event as text, ready to be written. `data` is one line, as JSON is. */
export function eventText(data: string): string {
  return `data: ${data}\n\n`;
}

const NOTHING = "";
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

/** The same text with memory of its own: a part of a string keeps the whole of it. */
function detached(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

function lineEnd(text: string, start: number, hasReturns: boolean): number {
  const newline = text.indexOf("\n", start);
  if (!hasReturns) return newline;
  const carriageReturn = text.indexOf("\r", start);
  if (carriageReturn === -1 || newline === -1) return Math.max(carriageReturn, newline);
  return Math.min(carriageReturn, newline);
}
