import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "./clock.ts";

test("the time stands still until it is moved", async () => {
  const clock = fakeClock();
  assert.equal(clock.now(), 0);
  await clock.advance(1500);
  assert.equal(clock.now(), 1500);
  await clock.advance(0.5);
  assert.equal(clock.now(), 1500.5);
});

test("what is due is called back in the order of its time, each at its own time", async () => {
  const clock = fakeClock();
  const calls: unknown[] = [];
  for (const [name, delayMs] of Object.entries({ late: 30, first: 10, second: 20, never: 31 })) {
    clock.after(delayMs, () => calls.push([name, clock.now()]));
  }
  await clock.advance(30);
  assert.deepEqual(calls, [
    ["first", 10],
    ["second", 20],
    ["late", 30],
  ]);
  assert.equal(clock.waiting, 1);
});

test("what is due at the same time is called back in the order it was asked for", async () => {
  const clock = fakeClock();
  const calls: string[] = [];
  for (const name of ["a", "b", "c"]) clock.after(10, () => calls.push(name));
  await clock.advance(10);
  assert.deepEqual(calls, ["a", "b", "c"]);
});

test("a callback is called once", async () => {
  const clock = fakeClock();
  let calls = 0;
  clock.after(10, () => calls++);
  await clock.advance(10);
  await clock.advance(10);
  assert.equal(calls, 1);
});

test("what is canceled is not called back, and not waited for", async () => {
  const clock = fakeClock();
  const cancel = clock.after(10, () => assert.fail("it was canceled"));
  const other = clock.after(10, () => {});
  assert.equal(clock.waiting, 2);
  cancel();
  cancel();
  assert.equal(clock.waiting, 1);
  await clock.advance(10);
  other();
  assert.equal(clock.waiting, 0);
});

test("a callback may ask for another, which is called in the same advance where it is due by then", async () => {
  const clock = fakeClock();
  const times: number[] = [];
  const again = (): void => {
    times.push(clock.now());
    if (times.length < 5) clock.after(10, again);
  };
  clock.after(10, again);
  await clock.advance(35);
  assert.deepEqual(times, [10, 20, 30]);
  assert.equal(clock.waiting, 1);
});

test("what awaits something that is ready goes on before the time moves, and after each callback", async () => {
  const clock = fakeClock();
  const steps: string[] = [];
  const work = async (): Promise<void> => {
    await null;
    clock.after(10, () => steps.push("timer"));
    await new Promise<void>((resolve) => clock.after(10, resolve));
    await null;
    steps.push(`awake at ${clock.now()}`);
  };
  const working = work();
  await clock.advance(100);
  assert.deepEqual(steps, ["timer", "awake at 10"]);
  await working;
});
