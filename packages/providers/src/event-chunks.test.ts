import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatChunk } from "@gatewright/core";
import { EventChunks } from "./event-chunks.ts";

const DONE = "data: [DONE]\n\n";
const event = (id: string): string => `data: ${id}\n\n`;

test("every event is a chunk, in order, however the bytes are split", async () => {
  const bytes = Buffer.from(`${event("é1")}: ping\n\n${event("日2")}${event("😀3")}${DONE}`);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    const { chunks, released } = chunksOf(pieces);
    assert.deepEqual(await ids(chunks), ["é1", "日2", "😀3"]);
    assert.deepEqual(released, [true]);
  }
});

test("what came in one piece is ready together, and what did not is not", async () => {
  const { chunks } = chunksOf([event("a") + event("b") + event("c"), event("d") + DONE]);
  assert.equal(chunks.ready(), undefined);
  assert.equal((await chunks.next()).value?.id, "a");
  assert.equal(chunks.ready()?.id, "b");
  assert.equal(chunks.ready()?.id, "c");
  assert.equal(chunks.ready(), undefined);
  assert.equal((await chunks.next()).value?.id, "d");
  assert.equal(chunks.ready(), undefined);
  assert.deepEqual(await chunks.next(), { done: true, value: undefined });
});

test("taking what is ready and asking for the next lose and double nothing", async () => {
  const names = Array.from({ length: 300 }, (_, at) => `c${at}`);
  const text = names.map(event).join("") + DONE;
  const random = seeded(9);
  for (let run = 0; run < 50; run++) {
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const next = at + 1 + random(200);
      pieces.push(text.slice(at, next));
      at = next;
    }
    const { chunks } = chunksOf(pieces);
    const got: unknown[] = [];
    for (;;) {
      const there = random(2) === 0 ? chunks.ready() : undefined;
      if (there) {
        got.push(there.id);
        continue;
      }
      const { done, value } = await chunks.next();
      if (done) break;
      got.push(value.id);
    }
    assert.deepEqual(got, names);
  }
});

test("[DONE] is the end, and what comes after it is not looked at", async () => {
  const { chunks, released } = chunksOf([`${event("a")}${DONE}${event("bad")}`, event("bad")]);
  assert.deepEqual(await ids(chunks), ["a"]);
  assert.deepEqual(released, [true]);
  assert.equal(chunks.ready(), undefined);
  assert.deepEqual(await chunks.next(), { done: true, value: undefined });
});

test("bytes that end without [DONE] are the end as well, but not all is said", async () => {
  const { chunks, released } = chunksOf([`${event("a")}data: half`]);
  assert.deepEqual(await ids(chunks), ["a"]);
  assert.deepEqual(released, [false]);
  const empty = chunksOf([]);
  assert.deepEqual(await ids(empty.chunks), []);
  assert.deepEqual(empty.released, [false]);
});

test("an event that is no chunk is thrown by next, never by ready, after what came before it", async () => {
  const { chunks, released } = chunksOf([event("a") + event("bad") + event("b")]);
  assert.equal((await chunks.next()).value?.id, "a");
  assert.equal(chunks.ready(), undefined);
  assert.deepEqual(released, []);
  await assert.rejects(chunks.next(), { message: "bad" });
  assert.deepEqual(released, [false]);
});

test("after a failure nothing more is read", async () => {
  const { chunks, read } = chunksOf([event("bad") + event("a"), event("b")]);
  await assert.rejects(chunks.next(), { message: "bad" });
  assert.equal(chunks.ready(), undefined);
  await assert.rejects(chunks.next(), { message: "bad" });
  assert.equal(read(), 1);
});

test("a failure of the bytes comes after the events before it", async () => {
  const { chunks, released } = chunksOf([event("a"), new Error("reset")]);
  assert.equal((await chunks.next()).value?.id, "a");
  await assert.rejects(chunks.next(), { message: "reset" });
  assert.deepEqual(released, [false]);
});

test("an event that is too large is what the reader says of it", async () => {
  const { chunks, released } = chunksOf([event("a"), ...Array<string>(40).fill("data: ".padEnd(64 * 1024, "x"))]);
  assert.equal((await chunks.next()).value?.id, "a");
  await assert.rejects(chunks.next(), { message: "too large" });
  assert.deepEqual(released, [false]);
});

test("a reader that leaves lets go once, and gets nothing more", async () => {
  const { chunks, released, read } = chunksOf([event("a") + event("b"), event("c")]);
  await chunks.next();
  assert.deepEqual(await chunks.return(), { done: true, value: undefined });
  assert.deepEqual(await chunks.return(), { done: true, value: undefined });
  assert.deepEqual(released, [false]);
  assert.equal(chunks.ready(), undefined);
  assert.deepEqual(await chunks.next(), { done: true, value: undefined });
  assert.equal(read(), 1);
});

test("a byte order mark in front is no part of the first event", async () => {
  assert.deepEqual(await ids(chunksOf([`\ufeff${event("a")}${DONE}`]).chunks), ["a"]);
});

/** The chunks of pieces of text or bytes, where an error is thrown in its place, and how they were let go. */
function chunksOf(pieces: readonly (string | Uint8Array | Error)[]): {
  chunks: EventChunks;
  released: boolean[];
  read: () => number;
} {
  const released: boolean[] = [];
  let read = 0;
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      read++;
      if (piece instanceof Error) throw piece;
      yield typeof piece === "string" ? Buffer.from(piece) : piece;
    }
  };
  const chunks = new EventChunks(bytes(), {
    parse: (data): ChatChunk => {
      if (data === "bad") throw new Error("bad");
      return { id: data, choices: [] };
    },
    patienceMs: () => undefined,
    tooLarge: () => new Error("too large"),
    release: (saidAll) => released.push(saidAll),
  });
  return { chunks, released, read: () => read };
}

async function ids(chunks: EventChunks): Promise<unknown[]> {
  const got: unknown[] = [];
  for await (const { id } of { [Symbol.asyncIterator]: () => chunks }) got.push(id);
  return got;
}

/** Whole numbers below `most`, the same in every run: a linear congruential generator (Numerical Recipes). */
function seeded(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}
