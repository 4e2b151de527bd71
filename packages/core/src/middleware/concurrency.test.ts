import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { pause } from "../abort.ts";
import { type Caller, caller } from "../caller.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { Call, ChatReply, Handler, Workload } from "../index.ts";
import { discard, textReply } from "../reply.ts";
import { failureOf, settled, UNFINISHED, type Way } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, scripted } from "../testing.ts";
import { takeTry } from "../tries.ts";
import { workload } from "../workload.ts";
import { type ConcurrencyOptions, concurrency } from "./concurrency.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const failure = new GatewayError("llm.provider.overloaded", "busy");

test("as many calls as allowed are in flight at once, and the others wait for their turn", async () => {
  const { layer, call, started, finish } = setUp({ max: 2 });
  const calls = ["a", "b", "c", "d"].map((name) => call(name));
  await settled();
  assert.deepEqual(started(), ["a", "b"]);
  assert.deepEqual(layer.load(), { inFlight: 2, waiting: 2 });
  await finish("b");
  assert.deepEqual(started(), ["a", "b", "c"]);
  await finish("a");
  assert.deepEqual(started(), ["a", "b", "c", "d"]);
  assert.deepEqual(layer.load(), { inFlight: 2, waiting: 0 });
  await finish("c");
  await finish("d");
  assert.deepEqual(await Promise.all(calls), ["a", "b", "c", "d"]);
  assert.deepEqual(layer.load(), { inFlight: 0, waiting: 0 });
});

test("those who wait are let in in the order in which they came", async () => {
  const { call, started, finish } = setUp({ max: 1, maxWaiting: 20 });
  const names = Array.from({ length: 20 }, (_, at) => `call ${at}`);
  const calls = names.map((name) => call(name));
  for (const name of names) await finish(name);
  await Promise.all(calls);
  assert.deepEqual(started(), names);
});

test("interactive work goes before deferred and that before batch, and each in order", async () => {
  const { call, started, finish } = setUp({ max: 1, maxWaiting: 20 });
  const kinds: readonly Workload[] = ["batch", "deferred", "interactive", "batch", "interactive", "deferred"];
  const calls = [call("first", { kind: "batch" })];
  calls.push(...kinds.map((kind, at) => call(`${kind} ${at}`, { kind })));
  for (let at = 0; at <= kinds.length; at++) {
    await settled();
    await finish(started().at(-1) ?? "");
  }
  await Promise.all(calls);
  assert.deepEqual(started(), [
    "first",
    "interactive 2",
    "interactive 4",
    "deferred 1",
    "deferred 5",
    "batch 0",
    "batch 3",
  ]);
});

test("a queue that is full refuses the next call at once, and nothing is called", async () => {
  const { layer, call, clock, started, finish } = setUp({ max: 1, maxWaiting: 2 });
  const calls = [call("a"), call("b"), call("c")];
  const error = await failureOf(call("d"));
  assert.deepEqual([error.code, error.status], ["llm.rate_limit.concurrency", 429]);
  assert.deepEqual(layer.load(), { inFlight: 1, waiting: 2 });
  for (const name of ["a", "b", "c"]) await finish(name);
  await Promise.all(calls);
  assert.deepEqual(started(), ["a", "b", "c"]);
  assert.equal(clock.waiting, 0);
});

test("as many may wait as may be in flight, unless told otherwise, and none where told so", async () => {
  for (const [options, most] of [
    [{ max: 3 }, 6],
    [{ max: 3, maxWaiting: 0 }, 3],
  ] as const) {
    const { layer, call, finish, started } = setUp(options);
    const calls = Array.from({ length: most }, (_, at) => call(String(at)));
    assert.equal((await failureOf(call("more"))).code, "llm.rate_limit.concurrency");
    assert.deepEqual(layer.load(), { inFlight: 3, waiting: most - 3 });
    for (let at = 0; at < most; at++) await finish(String(at));
    await Promise.all(calls);
    assert.equal(started().length, most);
  }
});

test("a call that has waited too long is refused, and its place is another's", async () => {
  const { layer, call, clock, finish, started } = setUp({ max: 1, maxWaiting: 1, maxWaitMs: 500 });
  const first = call("a");
  const waiting = failureOf(call("b"));
  await clock.advance(499);
  assert.deepEqual(layer.load(), { inFlight: 1, waiting: 1 });
  await clock.advance(1);
  assert.equal((await waiting).code, "llm.rate_limit.concurrency");
  assert.deepEqual(layer.load(), { inFlight: 1, waiting: 0 });
  const next = call("c");
  await finish("a");
  await finish("c");
  await Promise.all([first, next]);
  assert.deepEqual(started(), ["a", "c"]);
  assert.equal(clock.waiting, 0);
});

test("a call that is refused is no try of its target, and one that is let in is one", async () => {
  const { layer, call, clock, finish } = setUp({ max: 1, maxWaiting: 1, maxWaitMs: 500 });
  const first = call("a");
  await settled();
  const pipeline = compose([layer], scripted("never"));
  const [waiting, refused, left] = [chat(), chat(), chat("Hi", { signal: AbortSignal.abort(LEFT) })];
  const late = failureOf(pipeline(waiting));
  await settled();
  assert.equal((await failureOf(pipeline(refused))).code, "llm.rate_limit.concurrency");
  assert.equal(await failureOf(pipeline(left)), LEFT);
  await clock.advance(500);
  await late;
  await finish("a");
  await first;
  for (const { call } of [waiting, refused, left]) {
    assert.deepEqual([takeTry(call.context, 1), takeTry(call.context, 1)], [true, false]);
  }
  const through = chat();
  await compose([layer], scripted("x"))(through);
  assert.equal(takeTry(through.call.context, 1), false);
});

test("a caller with too many calls is told 429, and a model or a target with too many 503", async () => {
  const codeFor = async (per?: ConcurrencyOptions["per"]): Promise<unknown[]> => {
    const { call, finish } = setUp({ max: 1, maxWaiting: 0, ...(per && { per }) });
    const first = call("a");
    const { code, status, retryable } = await failureOf(call("b"));
    await finish("a");
    await first;
    return [code, status, retryable];
  };
  assert.deepEqual(await codeFor(), ["llm.rate_limit.concurrency", 429, true]);
  assert.deepEqual(await codeFor("caller"), ["llm.rate_limit.concurrency", 429, true]);
  assert.deepEqual(await codeFor("model"), ["llm.overloaded", 503, true]);
  assert.deepEqual(await codeFor(() => "target"), ["llm.overloaded", 503, true]);
});

test("each caller, model or target has its own slots", async () => {
  const known = (name: string) => ({ name });
  const two = async (options: Partial<ConcurrencyOptions>, one: Asked, other: Asked): Promise<boolean> => {
    const { call, started, finish } = setUp({ max: 1, maxWaiting: 1, ...options });
    const calls = [call("a", one), call("b", other)];
    await settled();
    const both = started().length === 2;
    for (const name of ["a", "b"]) await finish(name);
    await Promise.all(calls);
    return both;
  };
  const addresses = [{ address: "192.0.2.1" }, { address: "192.0.2.2" }] as const;
  assert.equal(await two({}, addresses[0], addresses[1]), true);
  assert.equal(await two({}, addresses[0], addresses[0]), false);
  assert.equal(await two({}, { key: known("k1") }, { key: known("k2") }), true);
  assert.equal(await two({}, { ...addresses[0], key: known("k1") }, { ...addresses[1], key: known("k1") }), false);
  assert.equal(await two({ per: "model" }, { model: "a" }, { model: "b" }), true);
  assert.equal(await two({ per: "model" }, { ...addresses[0], model: "a" }, { ...addresses[1], model: "a" }), false);
  assert.equal(await two({ per: ({ model }) => model.slice(0, 1) }, { model: "a1" }, { model: "a2" }), false);
});

test("who is refused is told about when there will be room, from a second to a minute", async () => {
  /** Of a queue that is never empty while calls take so long each, and then full. */
  const guess = async (tookMs: number, waiting: number, max = 1): Promise<number> => {
    const { call, clock, finish } = setUp({ max, maxWaiting: waiting, maxWaitMs: 86_400_000 });
    const calls = [call("0")];
    for (let past = 0; past < 100; past++) {
      calls.push(call(String(past + 1)));
      await clock.advance(tookMs);
      await finish(String(past));
    }
    for (let more = 1; more < max + waiting; more++) calls.push(call(String(100 + more)));
    const { retryAfterMs = Number.NaN } = await failureOf(call("refused"));
    for (let at = 100; at < 100 + max + waiting; at++) await finish(String(at));
    await Promise.all(calls);
    assert.equal(clock.waiting, 0);
    return Math.round(retryAfterMs);
  };
  assert.equal(await guess(0, 1), 1000);
  assert.equal(await guess(3_600_000, 1), 60_000);
  assert.equal(await guess(5000, 1), 10_000);
  assert.equal(await guess(5000, 3), 20_000);
  // Here calls overlap, so that each takes twice as long; but two end in that time.
  assert.equal(await guess(2500, 3, 2), 10_000);
});

const ENDS: Readonly<Record<string, Way>> = {
  ...UNFINISHED,
  "is complete": [chunksOf("a"), async (replying) => collect(await replying)],
  "fails by a handler that throws": [
    () => {
      throw failure;
    },
    (replying) => assert.rejects(replying),
  ],
  "is let go by a caller who went, twice": [
    chunksOf("a"),
    async (replying, leave) => {
      const reply = await replying;
      leave();
      await discard(reply);
      await discard(reply);
    },
  ],
};

for (const [how, [outcome, end]] of Object.entries(ENDS)) {
  test(`a call that ${how} frees its slot, once`, async () => {
    const clock = fakeClock();
    const layer = concurrency({ max: 1, maxWaiting: 2, clock });
    const stop = new AbortController();
    const handler = scripted(outcome, "next");
    const parked = Promise.withResolvers<ChatReply>();
    const after: Handler = () => parked.promise;
    const replying = compose([layer], handler)(chat("a", { signal: stop.signal }));
    replying.catch(() => {});
    const second = compose([layer], after)(chat("b"));
    const third = compose([layer], handler)(chat("c"));
    await settled();
    await end(replying, () => stop.abort(LEFT));
    await settled();
    // One slot is free for one call: were it freed twice, both would be let in.
    assert.deepEqual(layer.load(), { inFlight: 1, waiting: 1 });
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
    parked.resolve(textReply("b"));
    await collect(await second);
    await collect(await third);
    assert.deepEqual(layer.load(), { inFlight: 0, waiting: 0 });
    assert.equal(clock.waiting, 0);
  });
}

test("a slot is held until the answer has ended, not only begun", async () => {
  const { layer } = setUp({ max: 1 });
  const reply = await compose([layer], scripted(chunksOf("a", "b")))(chat());
  for await (const _ of reply.chunks) assert.equal(layer.load().inFlight, 1);
  assert.equal(layer.load().inFlight, 0);
});

test("a caller who leaves while it waits gives up its place, and is never let in", async () => {
  const { layer, call, clock, started, finish } = setUp({ max: 1, maxWaiting: 3 });
  const stop = new AbortController();
  const calls = [call("a"), call("b")];
  const leaving = assert.rejects(call("c", { signal: stop.signal }), (thrown) => thrown === LEFT);
  calls.push(call("d"));
  await settled();
  stop.abort(LEFT);
  await leaving;
  assert.deepEqual(layer.load(), { inFlight: 1, waiting: 2 });
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  for (const name of ["a", "b", "d"]) await finish(name);
  await Promise.all(calls);
  assert.deepEqual(started(), ["a", "b", "d"]);
  assert.equal(clock.waiting, 0);
});

test("a caller who has left already takes no slot", async () => {
  const { layer, call, started, clock } = setUp({ max: 1 });
  await assert.rejects(call("a", { signal: AbortSignal.abort(LEFT) }), (thrown) => thrown === LEFT);
  assert.deepEqual([layer.load(), started(), clock.waiting], [{ inFlight: 0, waiting: 0 }, [], 0]);
});

test("a caller who leaves in the moment in which it is let in keeps no slot", async () => {
  for (const leaveFirst of [true, false]) {
    const { layer, call, finish } = setUp({ max: 1 });
    const stop = new AbortController();
    const first = call("a");
    const leaving = call("b", { signal: stop.signal }).catch(() => {});
    await settled();
    if (leaveFirst) stop.abort(LEFT);
    const finished = finish("a");
    if (!leaveFirst) queueMicrotask(() => stop.abort(LEFT));
    await finished;
    await first;
    await finish("b");
    await leaving;
    await settled();
    assert.deepEqual(layer.load(), { inFlight: 0, waiting: 0 });
  }
});

test("whatever calls do, there are never more in flight than allowed, and in the end none", async () => {
  let seed = 1;
  // A linear congruential generator (Numerical Recipes).
  const random = (most: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * most);
  };
  const clock = fakeClock();
  const layer = concurrency({ max: 3, maxWaiting: 10, maxWaitMs: 50, per: "model", clock });
  let inFlight = 0;
  let most = 0;
  const handler: Handler = async ({ call: { signal } }) => {
    inFlight++;
    most = Math.max(most, inFlight);
    try {
      await pause(random(30), clock, signal);
      if (random(4) === 0) throw failure;
    } finally {
      inFlight--;
    }
    return textReply("x");
  };
  const calls: Promise<unknown>[] = [];
  const kinds: readonly Workload[] = ["interactive", "deferred", "batch"];
  for (let at = 0; at < 1000; at++) {
    const stop = new AbortController();
    const request = chat({ model: "m" }, { signal: stop.signal });
    request.call.context.set(workload, kinds[random(3)] ?? "batch");
    calls.push(
      compose(
        [layer],
        handler,
      )(request)
        .then(collect)
        .catch(() => {}),
    );
    if (random(3) === 0) clock.after(random(60), () => stop.abort());
    await clock.advance(random(5));
  }
  await clock.advance(10_000);
  await Promise.all(calls);
  assert.equal(most, 3);
  assert.deepEqual(layer.load(), { inFlight: 0, waiting: 0 });
  assert.equal(clock.waiting, 0);
});

const BAD: Readonly<Record<string, readonly object[]>> = {
  max: [{ max: 0 }, { max: 1.5 }, { max: Number.NaN }, {}],
  maxWaiting: [
    { max: 1, maxWaiting: -1 },
    { max: 1, maxWaiting: 0.5 },
  ],
  maxWaitMs: [
    { max: 1, maxWaitMs: -1 },
    { max: 1, maxWaitMs: Number.POSITIVE_INFINITY },
  ],
  per: [
    { max: 1, per: "user" },
    { max: 1, per: null },
  ],
};

for (const [name, all] of Object.entries(BAD)) {
  test(`a ${name} that cannot be used is refused by name`, () => {
    for (const options of all) {
      // What a configuration may hold, whatever the types say.
      assert.throws(() => concurrency(options as ConcurrencyOptions), {
        name: "TypeError",
        message: RegExp(`^concurrency: ${name} `),
      });
    }
  });
}

interface Asked {
  readonly kind?: Workload;
  readonly model?: string;
  readonly address?: string;
  readonly key?: { readonly name: string };
  readonly signal?: AbortSignal;
}

/** Calls that are in flight from their start until they are told to finish, by name. */
function setUp(options: ConcurrencyOptions) {
  const clock = fakeClock();
  const layer = concurrency({ clock, ...options });
  const gates = new Map<string, () => void>();
  const started: string[] = [];
  const call = async (name: string, { kind, model = "m", key, ...known }: Asked = {}): Promise<unknown> => {
    const request = chat({ model }, known satisfies Partial<Call>);
    if (kind) request.call.context.set(workload, kind);
    if (key) request.call.context.set(caller, key);
    const gate = new Promise<void>((resolve) => gates.set(name, resolve));
    const handler: Handler = async () => {
      started.push(name);
      await gate;
      return textReply(name);
    };
    return (await collect(await compose([layer], handler)(request))).choices[0]?.message.content;
  };
  const finish = async (name: string): Promise<void> => {
    gates.get(name)?.();
    await settled();
  };
  return { clock, layer, call, finish, started: () => started };
}

test("a caller's own concurrency takes the place of the most, and only where callers are counted", async () => {
  const most = async (options: ConcurrencyOptions, key: Caller): Promise<number> => {
    const { call, started, finish } = setUp({ ...options, maxWaiting: 0 });
    const names = ["a", "b", "c", "d", "e"];
    const calls = names.map((name) => call(name, { key }));
    const settling = Promise.allSettled(calls);
    await settled();
    const inFlight = started().length;
    for (const name of names) await finish(name);
    await settling;
    return inFlight;
  };
  assert.equal(await most({ max: 1 }, { name: "big", concurrency: 4 }), 4);
  assert.equal(await most({ max: 4 }, { name: "small", concurrency: 2 }), 2);
  assert.equal(await most({ max: 3 }, { name: "usual" }), 3);
  assert.equal(await most({ max: 3, per: "model" }, { name: "big", concurrency: 5 }), 3);
  assert.equal(await most({ max: 3, per: () => "target" }, { name: "small", concurrency: 1 }), 3);
});

test("a refusal tells how many calls the caller's own concurrency allows", async () => {
  const { call, finish } = setUp({ max: 9, maxWaiting: 0 });
  const key: Caller = { name: "small", concurrency: 2 };
  const calls = [call("a", { key }), call("b", { key })];
  assert.match((await failureOf(call("c", { key }))).message, /^At most 2 calls may be in flight at once/);
  for (const name of ["a", "b"]) await finish(name);
  await Promise.all(calls);
});

test("a concurrency that was lowered holds also while others wait", async () => {
  const { call, started, finish, layer } = setUp({ max: 9, maxWaiting: 9 });
  const allowed = (concurrency: number): Asked => {
    const key: Caller = { name: "k", concurrency };
    return { key };
  };
  const calls = ["a", "b", "c"].map((name) => call(name, allowed(2)));
  calls.push(call("d", allowed(1)));
  await finish("a");
  assert.deepEqual(started(), ["a", "b"]);
  assert.equal(layer.load().inFlight, 1);
  await finish("b");
  assert.deepEqual(started(), ["a", "b", "c"]);
  for (const name of ["c", "d"]) await finish(name);
  await Promise.all(calls);
});

test("where a concurrency was raised those who wait go before the one who comes", async () => {
  const { call, started, finish } = setUp({ max: 9, maxWaiting: 9 });
  const allowed = (concurrency: number): Asked => {
    const key: Caller = { name: "k", concurrency };
    return { key };
  };
  const calls = ["a", "b", "c"].map((name) => call(name, allowed(1)));
  calls.push(call("d", allowed(3)));
  await settled();
  assert.deepEqual(started(), ["a", "b", "c"]);
  for (const name of ["a", "b", "c", "d"]) await finish(name);
  await Promise.all(calls);
});
