import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { type Caller, caller } from "../caller.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatReply } from "../index.ts";
import { textReply } from "../reply.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { failureOf, settled } from "../testing/outcome.ts";
import { chat, fakeClock } from "../testing.ts";
import { takeTry } from "../tries.ts";
import { type ConcurrencyOptions, concurrency } from "./concurrency.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const LEASE_MS = 60_000;

test("over all gateways no more calls are in flight than allowed, and the others wait", async () => {
  const { call, started, finish, clock } = setUp({ max: 2, maxWaiting: 5 });
  const calls = [call(0, "a"), call(1, "b"), call(0, "c"), call(1, "d")];
  await settled();
  assert.deepEqual(started(), ["a", "b"]);
  await clock.advance(5000);
  assert.deepEqual(started(), ["a", "b"]);
  await finish("a");
  await clock.advance(500);
  assert.equal(started().length, 3);
  await finish("b");
  await clock.advance(500);
  assert.equal(started().length, 4);
  for (const name of ["c", "d"]) await finish(name);
  await Promise.all(calls);
  assert.equal(clock.waiting, 0);
});

test("a slot that another gateway frees is taken when it is asked for again", async () => {
  const { call, started, finish, clock, layers } = setUp({ max: 1 });
  const calls = [call(0, "a"), call(1, "b")];
  await clock.advance(1000);
  await finish("a");
  assert.deepEqual(started(), ["a"]);
  await clock.advance(500);
  assert.deepEqual(started(), ["a", "b"]);
  await finish("b");
  await Promise.all(calls);
  for (const layer of layers) assert.deepEqual(layer.load(), { inFlight: 0, waiting: 0 });
});

test("a slot that is freed is at once another's of the same gateway, in order", async () => {
  const { call, started, finish } = setUp({ max: 1, maxWaiting: 5 });
  const names = ["a", "b", "c", "d"];
  const calls = names.map((name) => call(0, name));
  for (const name of names) {
    await settled();
    await finish(name);
  }
  await Promise.all(calls);
  assert.deepEqual(started(), names);
});

test("a call that has waited too long for a slot of another gateway is refused, and is no try", async () => {
  for (const [per, code, status] of [
    ["caller", "llm.rate_limit.concurrency", 429],
    ["model", "llm.overloaded", 503],
  ] as const) {
    const { call, finish, clock, layers, started } = setUp({ max: 1, maxWaitMs: 4000, per });
    const first = call(0, "a");
    await settled();
    const request = chat();
    const waiting = failureOf(call(1, "b", { request }));
    await clock.advance(3000);
    assert.deepEqual(layers[1]?.load().inFlight, 1);
    await clock.advance(1000);
    const error = await waiting;
    assert.deepEqual([error.code, error.status], [code, status]);
    assert.ok((error.retryAfterMs ?? 0) >= 1000);
    assert.deepEqual([takeTry(request.call.context, 1), takeTry(request.call.context, 1)], [true, false]);
    assert.deepEqual(layers[1]?.load(), { inFlight: 0, waiting: 0 });
    await finish("a");
    await first;
    assert.deepEqual(started(), ["a"]);
    assert.equal(clock.waiting, 0);
  }
});

test("where none may wait a call is refused at once", async () => {
  const { call, finish, clock } = setUp({ max: 1, maxWaiting: 0 });
  const first = call(0, "a");
  await settled();
  const waiting = clock.waiting;
  assert.equal((await failureOf(call(1, "b"))).code, "llm.rate_limit.concurrency");
  assert.equal((await failureOf(call(0, "c"))).code, "llm.rate_limit.concurrency");
  assert.equal(clock.waiting, waiting);
  await finish("a");
  await first;
  const next = call(1, "d");
  await finish("d");
  await next;
});

test("a slot is held for as long as its call runs, however long that is", async () => {
  const { call, finish, clock } = setUp({ max: 1, maxWaiting: 0 });
  const first = call(0, "a");
  for (let minute = 0; minute < 10; minute++) {
    await clock.advance(LEASE_MS + 1);
    assert.equal((await failureOf(call(1, "b"))).code, "llm.rate_limit.concurrency");
  }
  await finish("a");
  await first;
  assert.equal(clock.waiting, 0);
});

test("a caller who leaves while it waits for another gateway's slot takes none", async () => {
  const { call, finish, clock, started, layers } = setUp({ max: 1 });
  const first = call(0, "a");
  await settled();
  const stop = new AbortController();
  const leaving = assert.rejects(call(1, "b", { signal: stop.signal }), (thrown) => thrown === LEFT);
  await clock.advance(100);
  stop.abort(LEFT);
  await leaving;
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  assert.deepEqual(layers[1]?.load(), { inFlight: 0, waiting: 0 });
  await finish("a");
  await first;
  await clock.advance(1000);
  assert.deepEqual(started(), ["a"]);
  assert.equal(clock.waiting, 0);
});

test("a caller's own concurrency takes the place of the most, over all gateways, and only per caller", async () => {
  const inFlight = async (options: ConcurrencyOptions, key: Caller): Promise<number> => {
    const { call, started, finish } = setUp(options);
    const names = ["a", "b", "c", "d", "e", "f"];
    const calls = names.map((name, at) => call(at % 2, name, { key }));
    for (const one of calls) one.catch(() => {});
    await settled();
    const most = started().length;
    for (const name of names) await finish(name);
    await Promise.allSettled(calls);
    return most;
  };
  assert.equal(await inFlight({ max: 1, maxWaiting: 0 }, { name: "big", concurrency: 4 }), 4);
  assert.equal(await inFlight({ max: 5, maxWaiting: 0 }, { name: "small", concurrency: 2 }), 2);
  assert.equal(await inFlight({ max: 3, maxWaiting: 0 }, { name: "usual" }), 3);
  assert.equal(await inFlight({ max: 3, maxWaiting: 0, per: "model" }, { name: "big", concurrency: 5 }), 3);
});

interface Asked {
  readonly key?: Caller;
  readonly signal?: AbortSignal;
  readonly request?: ReturnType<typeof chat>;
}

/** Two gateways that share a store; calls are in flight from their start until they are told to finish, by name. */
function setUp(options: ConcurrencyOptions) {
  const clock = fakeClock();
  const store = memoryStore({ clock });
  const layers = [0, 1].map(() => concurrency({ store, clock, ...options }));
  const gates = new Map<string, () => void>();
  const started: string[] = [];
  const call = async (at: number, name: string, asked: Asked = {}): Promise<unknown> => {
    const { key, signal, request = chat({}, signal ? { signal } : {}) } = asked;
    if (key) request.call.context.set(caller, key);
    const gate = new Promise<void>((resolve) => gates.set(name, resolve));
    const handler = async (): Promise<ChatReply> => {
      started.push(name);
      await gate;
      return textReply(name);
    };
    return collect(await compose(layers.slice(at, at + 1), handler)(request));
  };
  const finish = async (name: string): Promise<void> => {
    gates.get(name)?.();
    await settled();
  };
  return { clock, layers, call, finish, started: () => started };
}
