import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock, testStore } from "../testing.ts";
import { memoryStore } from "./memory-store.ts";

testStore(test, async () => {
  const clock = fakeClock();
  const close = async (): Promise<void> => assert.equal(clock.waiting, 0, "it needs no timers");
  return { store: memoryStore({ clock }), wait: (ms) => clock.advance(ms), close };
});

test("by itself it counts in real time", async () => {
  const store = memoryStore();
  const draw = { key: "a", rate: { kind: "bucket", capacity: 1e9, periodMs: 1000 }, cost: 1e9 } as const;
  await store.draw("group", [draw], false);
  const before = performance.now();
  while (performance.now() < before + 2);
  const { states } = await store.draw("group", [{ ...draw, cost: 1 }], false);
  const { remaining = 0 } = states[0] ?? {};
  assert.ok(remaining > 1e6 && remaining < 1e9, String(remaining));
});

test("it keeps as many counts as it may", async () => {
  const store = memoryStore({ maxCounts: 2, clock: fakeClock() });
  const taken = async (key: string): Promise<boolean> => {
    const rate = { kind: "window", capacity: 1, periodMs: 1000 } as const;
    return (await store.draw("group", [{ key, rate, cost: 1 }], false)).taken;
  };
  assert.deepEqual([await taken("a"), await taken("a")], [true, false]);
  assert.deepEqual([await taken("b"), await taken("c"), await taken("a")], [true, true, true]);
});

test("an option that cannot be used is refused by name", () => {
  for (const maxCounts of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 10_000_001]) {
    assert.throws(() => memoryStore({ maxCounts }), { name: "TypeError", message: /^memoryStore: maxCounts / });
  }
  for (const maxBytes of [0, 1.5, Number.NaN]) {
    assert.throws(() => memoryStore({ maxBytes }), { name: "TypeError", message: /^memoryStore: maxBytes / });
  }
});
