import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";
import { type FakeClock, fakeClock } from "./testing.ts";

test("a service with few calls may try twice a second again, counted over ten seconds", () => {
  const { budget } = setUp();
  assert.equal(takenOf(budget), 20);
});

test("a busy service may try a fifth of its calls again, on top of that", () => {
  const { budget } = setUp();
  for (let call = 0; call < 1000; call++) budget.called("a");
  assert.equal(takenOf(budget), 220);
});

test("share and floor may be chosen, down to nothing and up to every call", () => {
  for (const [options, expected] of [
    [{ share: 0, perSecond: 0 }, 0],
    [{ share: 1, perSecond: 0 }, 100],
    [{ share: 0, perSecond: 0.5 }, 5],
    [{ share: 0.5 }, 70],
  ] as const) {
    const { budget } = setUp(options);
    for (let call = 0; call < 100; call++) budget.called("a");
    assert.equal(takenOf(budget), expected, JSON.stringify(options));
  }
});

test("one target's tries and calls are nothing to another", () => {
  const { budget } = setUp({ share: 0.5, perSecond: 0.1 });
  for (let call = 0; call < 100; call++) budget.called("a");
  assert.deepEqual([takenOf(budget, "a"), takenOf(budget, "b")], [51, 1]);
});

test("calls and tries count for ten seconds", async () => {
  const { budget, clock } = setUp({ share: 0.5, perSecond: 0.1 });
  for (let call = 0; call < 100; call++) budget.called("a");
  assert.equal(takenOf(budget), 51);
  await clock.advance(8900);
  assert.equal(takenOf(budget), 0);
  await clock.advance(1100);
  assert.equal(takenOf(budget), 1);
});

function setUp(options: RetryBudgetOptions = {}): { budget: RetryBudget; clock: FakeClock } {
  const clock = fakeClock();
  return { budget: new RetryBudget("test", options, clock), clock };
}

/** How many tries are allowed now, all of which are taken. */
function takenOf(budget: RetryBudget, target = "a"): number {
  let taken = 0;
  while (taken < 10_000 && budget.take(target)) taken++;
  return taken;
}
