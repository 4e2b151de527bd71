import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader, EventTooLargeError, eventText, readEvents, type ServerSentEvent } from "./sse.ts";

const event = (data: string, name?: string, id?: string): ServerSentEvent => ({ event: name, data, id });

const CASES: Readonly<Record<string, readonly [text: string, events: readonly ServerSentEvent[]]>> = {
  "one event": ["data: a\n\n", [event("a")]],
  "two events": ["data: a\n\ndata: b\n\n", [event("a"), event("b")]],
  "lines that end in CR": ["data: a\r\rdata: b\r\r", [event("a"), event("b")]],
  "lines that end in CRLF": ["data: a\r\n\r\ndata: b\r\n\r\n", [event("a"), event("b")]],
  "mixed line ends": ["data: a\rdata: b\r\ndata: c\n\r\ndata: d\n\n", [event("a\nb\nc"), event("d")]],
  "no space after the colon": ["data:a\n\n", [event("a")]],
  "only one space is taken off": ["data:  a \n\n", [event(" a ")]],
  "data of several lines": ["data: a\ndata:\ndata: b\n\n", [event("a\n\nb")]],
  "empty data": ["data:\n\ndata\n\n", [event(""), event("")]],
  "colons in data": ["data: a:b: c\n\n", [event("a:b: c")]],
  comments: [": keep-alive\n\n:\ndata: a\n: in between\n\n", [event("a")]],
  "a named event": ["event: error\ndata: a\n\ndata: b\n\n", [event("a", "error"), event("b")]],
  "an event with an empty name": ["event:\ndata: a\n\n", [event("a")]],
  "an event with an id": ["id: 7\ndata: a\n\n", [event("a", undefined, "7")]],
  "an id with a null character": ["id: a\0b\ndata: a\n\n", [event("a")]],
  "an event without data": ["event: ping\n\nid: 7\n\ndata: a\n\n", [event("a")]],
  "unknown fields": ["retry: 10\nfoo: bar\nDATA: x\n data: y\ndata: a\n\n", [event("a")]],
  "many empty lines": ["\n\n\ndata: a\n\n\n\n", [event("a")]],
  "an event that is cut at the end": ["data: a\n\ndata: b\n", [event("a")]],
  "a line that is cut at the end": ["data: a\n\ndata: b", [event("a")]],
  "half a line end": ["data: a\r\n\r", [event("a")]],
  "characters of every length": ["data: aé日😀\n\n", [event("aé日😀")]],
  "a byte order mark further on": ["data: a\n\n\ufeffdata: b\n\n", [event("a")]],
  "two byte order marks in front": ["\ufeff\ufeffdata: a\n\ndata: b\n\n", [event("b")]],
  "a byte order mark in front": ["\ufeffdata: a\n\n", [event("a")]],
};

for (const [what, [text, expected]] of Object.entries(CASES)) {
  test(`${what}: the events are the same however the bytes are split`, async () => {
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(await eventsOf([bytes]), expected, "whole");
    assert.deepEqual(await eventsOf([...bytes].map((byte) => Uint8Array.of(byte))), expected, "byte by byte");
    for (let at = 0; at <= bytes.length; at++) {
      const pieces = [bytes.subarray(0, at), new Uint8Array(), bytes.subarray(at)];
      assert.deepEqual(await eventsOf(pieces), expected, `split at ${at}`);
    }
  });
}

test("events come as soon as their empty line has", () => {
  const reader = new EventReader();
  assert.deepEqual(reader.read("data: a\n"), []);
  assert.deepEqual(reader.read("\nda"), [event("a")]);
  assert.deepEqual(reader.read("ta: b\r"), []);
  assert.deepEqual(reader.read("\r"), [event("b")]);
  assert.deepEqual(reader.read("\n"), []);
  assert.deepEqual(reader.read("data: c\n\n"), [event("c")]);
});

test("random streams read the same in random pieces", () => {
  const random = seeded(3);
  const words = ["data: ", "data:", "event: e", "id: 1", ":", "x", "\n", "\r", "\r\n", "\n\n", "é", " "];
  for (let run = 0; run < 2000; run++) {
    const text = Array.from({ length: random(20) }, () => words[random(words.length)]).join("");
    const whole = new EventReader().read(text);
    const reader = new EventReader();
    const pieces: ServerSentEvent[] = [];
    for (let at = 0; at < text.length; ) {
      const next = at + 1 + random(4);
      pieces.push(...reader.read(text.slice(at, next)));
      at = next;
    }
    assert.deepEqual(pieces, whole, JSON.stringify(text));
    assert.deepEqual(whole, slowly(text), JSON.stringify(text));
  }
});

test("an event may be as long as the limit, and no longer", () => {
  const line = (chars: number): string => `data: ${"x".repeat(chars)}\n`;
  assert.equal(new EventReader(10).read(`${line(9)}\n`)[0]?.data.length, 9);
  assert.throws(() => new EventReader(10).read(line(10)), EventTooLargeError);
  assert.throws(() => new EventReader(10).read(line(4) + line(5)), EventTooLargeError);
  assert.doesNotThrow(() => new EventReader(10).read(`${line(9)}\n`.repeat(100)));
});

test("a line that never ends is refused at the limit, not at its end", () => {
  const reader = new EventReader(1000);
  let read = 0;
  assert.throws(() => {
    for (; read < 100; read++) reader.read("x".repeat(100));
  }, EventTooLargeError);
  assert.equal(read, 10);
});

test("comments may go on for ever", () => {
  const reader = new EventReader(100);
  for (let sent = 0; sent < 1000; sent++) assert.deepEqual(reader.read(": ping\n\n"), []);
});

test("five megabytes in small pieces are read in a moment", () => {
  const startedAt = performance.now();
  const reader = new EventReader(10 * 1024 * 1024);
  reader.read("data: ");
  for (let sent = 0; sent < 50_000; sent++) reader.read("x".repeat(100));
  assert.equal(reader.read("\n\n")[0]?.data.length, 5_000_000);
  assert.ok(performance.now() - startedAt < 5000);
});

test("bytes that are not UTF-8 do not end the stream", async () => {
  const bytes = [Buffer.from("data: a"), Uint8Array.of(0xff), Buffer.from("b\n\n")];
  assert.deepEqual(await eventsOf(bytes), [event("a\ufffdb")]);
});

test("a reader that stops early lets go of the bytes", async () => {
  let left = false;
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from("data: a\n\n");
    } finally {
      left = true;
    }
  };
  for await (const _ of readEvents(bytes())) break;
  assert.ok(left);
});

test("a stream of bytes is held to the limit it is given", async () => {
  await assert.rejects(eventsOf([Buffer.from(`data: ${"x".repeat(100)}\n\n`)], 50), EventTooLargeError);
});

test("an event is written so that it reads the same", () => {
  assert.equal(eventText("[DONE]"), "data: [DONE]\n\n");
  assert.deepEqual(new EventReader().read(eventText('{"a":" \\n"}')), [event('{"a":" \\n"}')]);
});

async function eventsOf(pieces: readonly Uint8Array[], maxChars?: number): Promise<ServerSentEvent[]> {
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield* pieces;
  };
  return all(readEvents(bytes(), maxChars));
}

/** The same rules written without a thought for speed. */
function slowly(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const lines = text.split(/\r\n|\r|\n/).slice(0, -1);
  let data: string[] = [];
  let name: string | undefined;
  let id: string | undefined;
  for (const line of lines) {
    const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (line === "") {
      if (data.length > 0) events.push(event(data.join("\n"), name, id));
      data = [];
      name = undefined;
      id = undefined;
    } else if (field === "data") data.push(value);
    else if (field === "event") name = value || undefined;
    else if (field === "id") id = value;
  }
  return events;
}

/** Whole numbers below `most`, the same in every run: a linear congruential generator (Numerical Recipes). */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

async function all<T>(pieces: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}
