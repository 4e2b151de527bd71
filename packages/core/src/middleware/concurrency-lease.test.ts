import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { pause } from "../abort.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { Handler } from "../index.ts";
import { textReply } from "../reply.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled, UNFINISHED, type Way } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, scripted } from "../testing.ts";
import { concurrency } from "./concurrency.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const LEASE_MS = 60_000;

test("what a gateway held that died is free a minute later", async () => {
  const { store, clock } = setUpStore();
  // The clock of one who died stands still: nothing is renewed.
  const lost = concurrency({ max: 1, store, clock: fakeClock() });
  const alive = concurrency({ max: 1, maxWaiting: 0, store, clock });
  await compose([lost], scripted(chunksOf("a")))(chat());
  await clock.advance(LEASE_MS - 1);
  await failureOf(compose([alive], scripted())(chat()));
  await clock.advance(1);
  await collect(await compose([alive], scripted("b"))(chat()));
  assert.equal(clock.waiting, 0);
});

const ENDS: Readonly<Record<string, Way>> = {
  ...UNFINISHED,
  "is complete": [chunksOf("a"), async (replying) => collect(await replying)],
};

for (const [how, [outcome, end]] of Object.entries(ENDS)) {
  test(`a call that ${how} frees its slot for another gateway`, async () => {
    const { store, clock } = setUpStore();
    const [one, other] = [0, 1].map(() => concurrency({ max: 1, maxWaiting: 0, store, clock }));
    assert.ok(one && other);
    const stop = new AbortController();
    const replying = compose([one], scripted(outcome))(chat({}, { signal: stop.signal }));
    replying.catch(() => {});
    await end(replying, () => stop.abort(LEFT));
    await settled();
    assert.equal(clock.waiting, 0);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
    await collect(await compose([other], scripted("b"))(chat()));
  });
}

test("callers, models and layers with names of their own have slots of their own", async () => {
  const { store, clock } = setUpStore();
  const hold = async (name: string, address: string): Promise<void> => {
    const layer = concurrency({ max: 1, maxWaiting: 0, store, clock, name });
    await compose([layer], scripted(chunksOf("a")))(chat({}, { address }));
  };
  await hold("callers", "192.0.2.1");
  await assert.rejects(hold("callers", "192.0.2.1"));
  await hold("callers", "192.0.2.2");
  await hold("models", "192.0.2.1");
  await assert.rejects(hold("models", "192.0.2.1"));
});

test("what the store throws fails the call, and its place is free", async () => {
  const defect = new Error("no store");
  const store = { lease: () => Promise.reject(defect), release: async () => {} };
  const layer = concurrency({ max: 1, maxWaiting: 0, store, clock: fakeClock() });
  const handler = scripted();
  for (let time = 0; time < 2; time++) {
    await assert.rejects(compose([layer], handler)(chat()), (thrown) => thrown === defect);
  }
  assert.deepEqual([layer.load(), handler.requests.length], [{ inFlight: 0, waiting: 0 }, 0]);
});

test("whatever calls do at two gateways, there are never more in flight than allowed, and in the end none", async () => {
  let seed = 7;
  // A linear congruential generator (Numerical Recipes).
  const random = (most: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * most);
  };
  const { store, clock } = setUpStore();
  const layers = [0, 1].map(() => concurrency({ max: 3, maxWaiting: 4, maxWaitMs: 300, store, clock }));
  let inFlight = 0;
  let most = 0;
  let done = 0;
  const handler: Handler = async ({ call: { signal } }) => {
    most = Math.max(most, ++inFlight);
    try {
      await pause(random(200), clock, signal);
    } finally {
      inFlight--;
    }
    done++;
    return textReply("x");
  };
  const calls: Promise<unknown>[] = [];
  for (let at = 0; at < 400; at++) {
    const stop = new AbortController();
    const layer = layers[at % 2];
    assert.ok(layer);
    const replying = compose([layer], handler)(chat({}, { signal: stop.signal }));
    calls.push(replying.then(collect).catch(() => {}));
    if (random(3) === 0) clock.after(random(250), () => stop.abort(LEFT));
    await clock.advance(random(30));
  }
  await clock.advance(10_000);
  await Promise.all(calls);
  assert.equal(most, 3);
  assert.ok(done > 100);
  for (const layer of layers) assert.deepEqual(layer.load(), { inFlight: 0, waiting: 0 });
  assert.equal(clock.waiting, 0);
});

function setUpStore() {
  const clock = fakeClock();
  return { clock, store: memoryStore({ clock }) };
}
