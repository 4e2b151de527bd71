import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventReader, EventTooLargeError, readEvents, type ServerSentEvent } from "@gatewright/core";
import { createParser } from "eventsource-parser";
import fc from "fast-check";

// Whatever is written and however it is split, the events are those that `eventsource-parser` reads from the whole text.

const MARK = "\uFEFF";
const RUNS = 2000;
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const lineEnd = fc.constantFrom("\n", "\r", "\r\n");
/** Text without line ends: what may stand behind a colon. */
const value = fc
  .array(
    fc.constantFrom(
      "",
      " ",
      ":",
      "a",
      "data",
      "data:",
      "id",
      "\0",
      "é",
      "漢",
      "🎉",
      MARK,
      "\u2028",
      "\u0085",
      "\uD83C",
      "\\n",
    ),
    { maxLength: 4 },
  )
  .map((pieces) => pieces.join(""));
const field = fc.constantFrom("data", "data", "data", "event", "id", "retry", "", "Data", "datas", "dat", " data", "x");
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(field, fc.constantFrom(":", ": ", ":  ", ""), value).map((parts) => parts.join("")),
  },
  { weight: 4, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: value },
);
const stream = fc
  .array(fc.tuple(line, lineEnd), { maxLength: 30 })
  .map((lines) => lines.map((parts) => parts.join("")).join(""));
/** Where to split, as parts of the whole; every place is likely in a text this short. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 });

test("EventReader reads what eventsource-parser reads, at any splits of the text", (t) => {
  t.diagnostic(`SEED=${seed}`);
  const property = fc.property(stream, cuts, (text, places) => {
    const unmarked = text.replace(/^\uFEFF/, "");
    assert.deepEqual(readText(splitAt(unmarked, places)), reference(unmarked));
  });
  fc.assert(property, { seed, numRuns: RUNS });
});

test("EventReader ignores a byte order mark in front of the text, as eventsource-parser does", () => {
  for (const text of [`${MARK}data: a\n\n`, `${MARK}${MARK}data: a\n\n`, `data: a\n\n${MARK}data: b\n\n`]) {
    assert.deepEqual(readText([text]), reference(text), JSON.stringify(text));
    assert.deepEqual(readText([...text]), reference(text), JSON.stringify(text));
  }
});

test("readEvents reads what eventsource-parser reads, at any splits of the bytes", async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const mark = fc.constantFrom("", "", MARK);
  const junk = fc.uint8Array({ maxLength: 3 });
  const property = fc.asyncProperty(mark, stream, junk, stream, cuts, async (start, head, invalid, tail, places) => {
    const bytes = Buffer.concat([Buffer.from(start + head), invalid, Buffer.from(tail)]);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    assert.deepEqual(await readBytes(splitAt(bytes, places)), reference(text));
  });
  await fc.assert(property, { seed, numRuns: RUNS });
});

test("readEvents ignores one byte order mark, and only one", async () => {
  for (const start of [MARK, MARK + MARK]) {
    const bytes = Buffer.from(`${start}data: a\ndata: b\n\n`);
    for (let at = 0; at < bytes.length; at++) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      assert.deepEqual(await readBytes(pieces), reference(bytes.toString()), `split behind ${at} bytes`);
    }
  }
});

test("readEvents reads the same from single bytes", async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const property = fc.asyncProperty(stream, async (text) => {
    const bytes = Buffer.from(MARK + text);
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    assert.deepEqual(await readBytes(single), reference(MARK + Buffer.from(text).toString()));
  });
  await fc.assert(property, { seed, numRuns: 300 });
});

const LIMIT = 1024 * 1024;
const PIECE = 64 * 1024;
const many = "x".repeat(PIECE);
// biome-ignore format: a table reads best with a row a line
const endless: Readonly<Record<string, readonly [start: string, rest: string]>> = {
  "line of data": ["data: ", many],
  "line of no field": ["", many],
  comment: [":", many],
  "line of an event's name": ["event: ", many],
  "event of many lines": ["", `data: ${many}\n`],
  "event of many empty lines": ["", "data\n".repeat(PIECE / 5)],
  "line behind others": ["data: a\nid: b\n", many],
  "line of two-byte text": ["data: ", "漢".repeat(PIECE)],
};

for (const [name, [start, rest]] of Object.entries(endless)) {
  test(`an endless ${name} is too large, and takes no more than it may`, async () => {
    let sent = 0;
    const bytes = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield Buffer.from(start);
      for (const piece = Buffer.from(rest); ; sent++) {
        // A reader without a limit would never come back; here it comes back with a failure.
        assert.ok(sent * PIECE < 16 * LIMIT, "it reads on and on");
        yield piece;
      }
    };
    await assert.rejects(async () => {
      for await (const _ of readEvents(bytes(), LIMIT));
    }, EventTooLargeError);
    // Each line of data counts as at least one character, of which it takes five to write.
    assert.ok(sent * PIECE <= 6 * LIMIT, `${sent} pieces were read`);
  });
}

test("an event within the limit is read, and one beyond it is not, however it is split", () => {
  const data = "x".repeat(999);
  for (const split of [1, 7, 2000]) {
    const read = (text: string): ServerSentEvent[] =>
      readText(text.match(new RegExp(`[^]{1,${split}}`, "g")) ?? [], 1000);
    assert.equal(read(`data:${data.slice(0, 994)}\n\n`).length, 1);
    assert.throws(() => read(`data:${data}x\n\n`), EventTooLargeError);
  }
});

test("what is read and done with is not kept", async () => {
  const memory = heapUsed();
  const reader = new EventReader();
  // Of each piece only a few characters are of the event that goes on; the rest is a comment.
  for (let at = 0; at < 1000; at++) reader.read(`data: a line of an event\n:${at}${many}\n`);
  const kept = heapUsed() - memory;
  assert.ok(kept < 8 * LIMIT, `${Math.round(kept / LIMIT)} MB are kept of 24 KB of data`);
  assert.equal(reader.read("\n")[0]?.data.length, 1000 * "a line of an event\n".length - 1);
});

test("a large event in many pieces takes time in proportion to its size", () => {
  const reader = new EventReader(64 * LIMIT);
  reader.read("data:");
  // Where each piece costs what came before it, this takes minutes.
  for (let at = 0; at < 500_000; at++) reader.read("0123456789");
  assert.equal(reader.read("\n\n")[0]?.data.length, 5_000_000);
});

function reference(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const parser = createParser({ onEvent: ({ event, data, id }) => events.push({ event, data, id }) });
  parser.feed(text);
  return events;
}

function readText(pieces: readonly string[], maxChars?: number): ServerSentEvent[] {
  const reader = new EventReader(maxChars);
  return pieces.flatMap((piece) => reader.read(piece));
}

async function readBytes(pieces: readonly Uint8Array[]): Promise<ServerSentEvent[]> {
  const source = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield* pieces;
  };
  const events: ServerSentEvent[] = [];
  for await (const event of readEvents(source())) events.push(event);
  return events;
}

function splitAt<T extends string | Uint8Array>(whole: T, places: readonly number[]): T[] {
  const cuts = [0, ...places.map((part) => Math.floor(part * whole.length)).sort((a, b) => a - b), whole.length];
  // A piece of a text is a text, and one of bytes is bytes.
  return cuts.slice(1).map((end, at) => whole.slice(cuts[at], end) as T);
}

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  // With the flag set, a new context has the function.
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
