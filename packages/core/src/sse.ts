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
  #afterReturn = false;
  #data: string[] = [];
  #chars = 0;
  #event: string | undefined;
  #id: string | undefined;

  /** `maxChars`: how long one event may be, default 2 Mi characters. */
  constructor(maxChars: number = 2 * 1024 * 1024) {
    this.#maxChars = maxChars;
  }

  /** The events that this piece completes. Throws `EventTooLargeError`. What is incomplete at the end is no event. */
  read(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    // A line may end in CR, LF or CRLF; a CRLF may be split between two pieces.
    let start = this.#afterReturn && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#afterReturn = false;
    const hasReturns = text.includes("\r");
    for (;;) {
      const end = lineEnd(text, start, hasReturns);
      if (end === -1) break;
      const line = this.#rest === "" ? text.slice(start, end) : this.#rest + text.slice(start, end);
      this.#rest = "";
      this.#line(line, events);
      start = end + 1;
      if (text.charCodeAt(end) !== RETURN) continue;
      if (start === text.length) this.#afterReturn = true;
      else if (text.charCodeAt(start) === NEWLINE) start++;
    }
    this.#rest += text.slice(start);
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
  const decoder = new TextDecoder();
  const reader = new EventReader(maxChars);
  for await (const piece of bytes) yield* reader.read(decoder.decode(piece, { stream: true }));
}

/** An event as text, ready to be written. `data` is one line, as JSON is. */
export function eventText(data: string): string {
  return `data: ${data}\n\n`;
}

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

function lineEnd(text: string, start: number, hasReturns: boolean): number {
  const newline = text.indexOf("\n", start);
  if (!hasReturns) return newline;
  const carriageReturn = text.indexOf("\r", start);
  if (carriageReturn === -1 || newline === -1) return Math.max(carriageReturn, newline);
  return Math.min(carriageReturn, newline);
}
