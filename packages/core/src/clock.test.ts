import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "./clock.ts";

test("the system's clock never goes back, also where the time of day does", (t) => {
  const before = systemClock.now();
  t.mock.method(Date, "now", () => 0);
  assert.ok(systemClock.now() >= before);
});

test("the system's clock calls back once, after the delay", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let calls = 0;
  systemClock.after(1000, () => calls++);
  t.mock.timers.tick(999);
  assert.equal(calls, 0);
  t.mock.timers.tick(1);
  assert.equal(calls, 1);
  t.mock.timers.tick(10_000);
  assert.equal(calls, 1);
});

test("the system's clock does not call back what was canceled", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let calls = 0;
  const cancel = systemClock.after(1000, () => calls++);
  cancel();
  cancel();
  t.mock.timers.tick(10_000);
  assert.equal(calls, 0);
});

test("a delay beyond the 31 bits of a timer does not call back at once", (t) => {
  const delays = recordDelays(t);
  systemClock.after(2 ** 31, () => {});
  systemClock.after(Number.MAX_SAFE_INTEGER, () => {});
  assert.equal(delays.length, 2);
  // Node runs a timer of more than 2^31 - 1 milliseconds after one: https://nodejs.org/api/timers.html
  for (const delay of delays) assert.ok(delay < 2 ** 31, `setTimeout was given ${delay}`);
});

function recordDelays(t: TestContext): number[] {
  const delays: number[] = [];
  t.mock.method(globalThis, "setTimeout", (_callback: () => void, delayMs: number) => delays.push(delayMs));
  return delays;
}
