import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { GatewayError } from "./error.ts";
import { shed } from "./shed.ts";

test("a loop that is in time lets every call in", async () => {
  const admit = shed({ maxDelayMs: 5000 });
  for (let call = 0; call < 100; call++) {
    assert.equal(refusal(admit), undefined);
    await turn();
  }
});

test("a loop that is blocked refuses calls at once, and says when to come again", () => {
  const admit = shed({ maxDelayMs: 20 });
  assert.equal(refusal(admit), undefined);
  block(120);
  const error = refusal(admit);
  assert.ok(error instanceof GatewayError);
  assert.deepEqual([error.code, error.status, error.retryAfterMs], ["llm.overloaded", 503, 1000]);
  assert.match(error.message, /\d+ ms behind/);
});

test("a loop that was blocked refuses calls until it is in time again", async () => {
  const admit = shed({ maxDelayMs: 20 });
  admit();
  block(120);
  await turn();
  assert.ok(refusal(admit));
  const until = performance.now() + 5000;
  while (refusal(admit) && performance.now() < until) await turn();
  assert.equal(refusal(admit), undefined);
});

test("a loop that was blocked for long refuses the calls that came meanwhile, however long it was", (t) => {
  for (const ms of [600, 1100, 60_000]) {
    const time = holdTime(t);
    const admit = shed();
    admit();
    time.pass(ms);
    assert.ok(refusal(admit), `after ${ms} ms`);
    // What was sent meanwhile may be heard a moment later.
    time.pass(50);
    assert.equal(refusal(admit) !== undefined, ms > 1000, `50 ms after ${ms} ms`);
    time.pass(50);
    assert.equal(refusal(admit), undefined, `100 ms after ${ms} ms`);
    t.mock.restoreAll();
  }
});

test("a delay below the limit refuses nothing", () => {
  const admit = shed({ maxDelayMs: 5000 });
  admit();
  block(120);
  assert.equal(refusal(admit), undefined);
});

test("a heap that is nearly full refuses calls until it is not any more", async (t) => {
  const time = holdTime(t);
  let heapUsed = 0;
  t.mock.method(process, "memoryUsage", () => ({ heapUsed }));
  const admit = shed({ maxHeapShare: 0.9 });
  assert.equal(refusal(admit), undefined);
  heapUsed = Number.MAX_SAFE_INTEGER;
  time.pass(50);
  const error = refusal(admit);
  assert.ok(error instanceof GatewayError);
  assert.deepEqual([error.code, error.retryAfterMs], ["llm.overloaded", 1000]);
  assert.match(error.message, /memory/);
  heapUsed = 0;
  time.pass(50);
  assert.equal(refusal(admit), undefined);
});

test("a heap that is nearly full refuses also the first call", (t) => {
  holdTime(t);
  t.mock.method(process, "memoryUsage", () => ({ heapUsed: Number.MAX_SAFE_INTEGER }));
  assert.ok(refusal(shed()));
});

test("without calls nothing is looked at, and the first after a long silence is let in", (t) => {
  const time = holdTime(t);
  const admit = shed();
  assert.equal(time.waiting(), 0);
  admit();
  assert.equal(time.waiting(), 1);
  for (let at = 0; at < 40; at++) time.pass(50);
  assert.equal(time.waiting(), 0);
  time.pass(3_600_000);
  assert.equal(refusal(admit), undefined);
  assert.equal(time.waiting(), 1);
});

test("many calls are looked after by one timer, which does not keep a process alive", (t) => {
  const time = holdTime(t);
  const admit = shed();
  for (let call = 0; call < 100; call++) admit();
  time.pass(50);
  for (let call = 0; call < 100; call++) admit();
  assert.equal(time.waiting(), 1);
  assert.equal(time.referenced(), 0);
});

test("options that cannot be used are refused by name", () => {
  for (const maxDelayMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => shed({ maxDelayMs }), { name: "TypeError", message: /^shed: maxDelayMs / });
  }
  for (const maxHeapShare of [0, 1.1, Number.NaN]) {
    assert.throws(() => shed({ maxHeapShare }), { name: "TypeError", message: /^shed: maxHeapShare / });
  }
});

function refusal(admit: () => void): unknown {
  try {
    return void admit();
  } catch (thrown) {
    return thrown;
  }
}

/** Keeps the loop busy for so long. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Lets timers run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Time that passes only when it is told to, in steps in which a loop is in time. */
function holdTime(t: TestContext) {
  let now = 1_000_000;
  const timers = new Map<object, { at: number; referenced: boolean; readonly run: () => void }>();
  t.mock.method(performance, "now", () => now);
  t.mock.method(globalThis, "setTimeout", (run: () => void, delayMs: number) => {
    const held = { at: now + delayMs, referenced: true, run };
    const timer = {
      unref: () => {
        held.referenced = false;
        return timer;
      },
    };
    timers.set(timer, held);
    return timer;
  });
  return {
    pass(ms: number) {
      now += ms;
      for (const [timer, { at, run }] of timers) if (at <= now && timers.delete(timer)) run();
    },
    waiting: () => timers.size,
    referenced: () => [...timers.values()].filter(({ referenced }) => referenced).length,
  };
}
