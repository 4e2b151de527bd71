import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf } from "./keys.ts";

const keys = keysOf("gatewright");

test("a key has one length, whatever it names, and holds nothing of it", () => {
  for (const text of ["", "a", "{b}", "a:b\n", "x".repeat(2 ** 20), "\ud83d"]) {
    const key = keys.key(keys.shard(text), "window", text);
    assert.match(key, /^gatewright\{\d\d\}:window:[\w-]{22}$/);
    assert.equal(key, keysOf("gatewright").key(keys.shard(text), "window", text));
  }
});

test("other texts, kinds and prefixes have other keys", () => {
  const texts = ["a", "A", "a ", "\ud83d", "\udd11", "\ufffd", ""];
  assert.equal(new Set(texts.map((text) => keys.key(0, "window", text))).size, texts.length);
  assert.notEqual(keys.key(0, "window", "a"), keys.key(0, "bucket", "a"));
  assert.notEqual(keys.key(0, "window", "a"), keysOf("other").key(0, "window", "a"));
});

test("what a shard has itself is in the slot of its keys", () => {
  assert.equal(keys.own(7, "epoch"), "gatewright{07}:epoch");
  assert.ok(keys.key(7, "lease", "a").startsWith("gatewright{07}:"));
});

test("texts spread over all shards", () => {
  const shards = Array.from({ length: 10_000 }, (_, at) => keys.shard(`caller ${at}`));
  assert.deepEqual([Math.min(...shards), Math.max(...shards), new Set(shards).size], [0, 63, 64]);
});
