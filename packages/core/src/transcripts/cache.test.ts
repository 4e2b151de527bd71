import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../testing.ts";
import { TranscriptCache } from "./cache.ts";

const of = (chars: number): { id: string; text: string } => ({ id: "a", text: "x".repeat(chars) });

test("what is kept is there until its time is over", async () => {
  const clock = fakeClock();
  const cache = new TranscriptCache(100, 10_000, clock);
  const found = of(5);
  cache.set("a", found);
  cache.set("none", undefined);
  await clock.advance(99);
  assert.equal(cache.get("a")?.found, found);
  assert.ok(cache.get("none"));
  await clock.advance(1);
  assert.equal(cache.get("a"), undefined);
  cache.set("b", undefined);
  assert.ok(cache.bytes < 600, "what is over still takes its place");
});

test("past its size, what came first goes first", () => {
  const cache = new TranscriptCache(100, 10_000, fakeClock());
  for (const name of ["a", "b", "c"]) cache.set(name, of(2000));
  assert.deepEqual(
    ["a", "b", "c"].map((name) => cache.get(name) !== undefined),
    [false, true, true],
  );
  assert.ok(cache.bytes <= 10_000);
});

test("what alone is too large is not kept, and pushes nothing out", () => {
  const cache = new TranscriptCache(100, 10_000, fakeClock());
  cache.set("a", of(100));
  cache.set("b", of(5000));
  cache.set("c", { id: "c", utterances: Array(50).fill({ text: "x".repeat(60), speaker: "A" }) });
  assert.deepEqual(
    ["a", "b", "c"].map((name) => cache.get(name) !== undefined),
    [true, false, false],
  );
});

test("any number of names takes no more than its size", () => {
  const cache = new TranscriptCache(100, 10_000, fakeClock());
  for (let name = 0; name < 10_000; name++) cache.set(String(name), name % 2 ? of(name % 700) : undefined);
  assert.ok(cache.bytes <= 10_000 && cache.bytes > 0);
});

test("a name that is set again takes its place once", () => {
  const cache = new TranscriptCache(100, 10_000, fakeClock());
  for (let again = 0; again < 100; again++) cache.set("a", of(1000));
  assert.ok(cache.bytes < 3000);
  assert.ok(cache.get("a"));
});

test("with a time of 0 nothing is kept", () => {
  const cache = new TranscriptCache(0, 10_000, fakeClock());
  cache.set("a", of(1));
  assert.equal(cache.get("a"), undefined);
  assert.equal(cache.bytes, 0);
});
