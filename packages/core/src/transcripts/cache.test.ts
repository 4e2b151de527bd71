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

test("a name counts as well as what is kept under it", () => {
  const cache = new TranscriptCache(100, 10_000, fakeClock());
  cache.set("a", undefined);
  const { bytes } = cache;
  cache.set("a".repeat(501), undefined);
  assert.equal(cache.bytes, 2 * bytes + 1000);
  cache.set("a".repeat(5000), undefined);
  assert.equal(cache.get("a".repeat(5000)), undefined);
});

test("what is over does not stay because of what comes after it", async () => {
  const clock = fakeClock();
  const cache = new TranscriptCache(100, 1_000_000, clock);
  cache.set("large", of(100_000));
  for (let name = 0; name < 20; name++) {
    await clock.advance(10);
    cache.set(String(name), undefined);
  }
  assert.ok(cache.bytes < 20_000, `${cache.bytes} bytes`);
  await clock.advance(200);
  cache.get("any");
  assert.equal(cache.bytes, 0);
});

test("one may have more than half of the size, and what is younger than it stays beside it", () => {
  const cache = new TranscriptCache(100, 10_000, fakeClock());
  cache.set("a", of(1500));
  cache.set("b", of(4000));
  assert.deepEqual([cache.get("a") !== undefined, cache.get("b") !== undefined], [false, true]);
  cache.set("c", of(100));
  assert.deepEqual([cache.get("b") !== undefined, cache.get("c") !== undefined], [true, true]);
  assert.ok(cache.bytes <= 10_000);
});

test("a full cache takes no longer for one more than an empty one", { timeout: 20_000 }, () => {
  const cache = new TranscriptCache(60_000, 64 * 1024 * 1024, fakeClock());
  for (let name = 0; name < 250_000; name++) cache.set(`first-${name}`, undefined);
  const begun = performance.now();
  for (let name = 0; name < 100_000; name++) cache.set(`more-${name}`, undefined);
  const each = ((performance.now() - begun) * 1000) / 100_000;
  assert.ok(each < 20, `${each} µs each`);
});

test("any number of small ones is no more than 20,000", () => {
  const cache = new TranscriptCache(100, 64 * 1024 * 1024, fakeClock());
  for (let name = 0; name < 50_000; name++) cache.set(String(name), undefined);
  assert.ok(cache.bytes <= 20_000 * (256 + 2 * 5));
  assert.ok(cache.get("40000") && cache.get("49999"));
});
