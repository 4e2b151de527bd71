import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draw } from "@gatewright/core";
import { fakeClock } from "@gatewright/core/testing";
import { Epochs } from "./epochs.ts";

const draw = (periodMs: number): Draw => ({ key: "key", rate: { kind: "window", capacity: 1, periodMs }, cost: 1 });

test("the first data that is seen is counted on, new data only once it is as old as the longest period", async () => {
  const clock = fakeClock();
  let lost = 0;
  const epochs = new Epochs(() => lost++, clock);
  assert.equal(epochs.name(7), "");
  assert.equal(epochs.doubts(7, [draw(60_000)]), false);
  epochs.first(7, "one", 0);
  assert.equal(epochs.name(7), "one");
  assert.equal(epochs.doubts(7, [draw(60_000)]), false);

  epochs.lost(7, "two", 10_000);
  assert.equal(epochs.name(7), "two");
  assert.equal(epochs.doubts(7, [draw(1000), draw(60_000)]), true);
  assert.equal(epochs.doubts(7, [draw(10_000)]), false);
  assert.equal(epochs.doubts(8, [draw(60_000)]), false, "others are others");
  await clock.advance(49_999);
  assert.equal(epochs.doubts(7, [draw(60_000)]), true);
  await clock.advance(1);
  assert.equal(epochs.doubts(7, [draw(60_000)]), false);
  assert.equal(lost, 1);
});

test("ten minutes are enough, however long the period is", async () => {
  const clock = fakeClock();
  const epochs = new Epochs(() => {}, clock);
  epochs.lost(7, "two", 0);
  await clock.advance(599_999);
  assert.equal(epochs.doubts(7, [draw(86_400_000)]), true);
  await clock.advance(1);
  assert.equal(epochs.doubts(7, [draw(86_400_000)]), false);
});

test("what all shards lose at once is told once", async () => {
  const clock = fakeClock();
  let lost = 0;
  const epochs = new Epochs(() => lost++, clock);
  for (let shard = 0; shard < 64; shard++) {
    epochs.lost(shard, "two", 0);
    await clock.advance(1000);
  }
  assert.equal(lost, 1);
  await clock.advance(600_000);
  epochs.lost(7, "three", 0);
  assert.equal(lost, 2);
});

test("the first data that is seen after trouble is counted on only where it began before", async () => {
  const clock = fakeClock();
  const epochs = new Epochs(() => {}, clock);
  epochs.trouble();
  await clock.advance(5000);
  epochs.first(1, "new, but nothing was known before", 1000);
  assert.equal(epochs.doubts(1, [draw(60_000)]), false);
  epochs.trouble();
  await clock.advance(2000);
  epochs.first(7, "kept", 3000);
  epochs.first(8, "new", 1000);
  assert.equal(epochs.doubts(7, [draw(60_000)]), false);
  assert.equal(epochs.doubts(8, [draw(60_000)]), true);
  await clock.advance(59_000);
  assert.equal(epochs.doubts(8, [draw(60_000)]), false);
});
