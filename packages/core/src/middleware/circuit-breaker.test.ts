import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import type { Code } from "../codes.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError, toGatewayError } from "../error.ts";
import type { ChatReply, ChatRequest } from "../index.ts";
import { OUTAGES } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, type Outcome, scripted } from "../testing.ts";
import { spareTargets, takeTry } from "../tries.ts";
import { type Circuit, type CircuitBreakerOptions, circuitBreaker } from "./circuit-breaker.ts";
import { fallback } from "./fallback.ts";

const OPEN = "llm.provider.circuit_open";
const down = new GatewayError("llm.provider.server_error", "down");
const cut = [...chunksOf("a").slice(0, 2), new GatewayError("llm.stream.interrupted", "cut")];

test("a target that keeps failing is not asked any more, and the caller is told when to come again", async () => {
  const { ask, asked, clock } = setUp();
  for (let call = 0; call < 10; call++) assert.equal((await ask(down)).code, down.code);
  await clock.advance(1000);
  const refused = await ask("Hello");
  assert.deepEqual([refused.code, refused.error?.status, refused.error?.retryAfterMs], [OPEN, 503, 4000]);
  assert.equal(asked(), 10);
});

test("it takes a share of failures among enough calls, and no less", async () => {
  const options = { failureShare: 0.5, minimumCalls: 4 };
  const after = async (...outcomes: Outcome[]): Promise<string | undefined> => {
    const { ask, breaker } = setUp(options);
    for (const outcome of outcomes) await ask(outcome);
    return breaker.circuits()[0]?.state;
  };
  assert.equal(await after(down, down, down), "closed");
  assert.equal(await after(down, down, down, down), "open");
  assert.equal(await after("x", "x", down, down), "open");
  assert.equal(await after("x", "x", "x", down), "closed");
  assert.equal(await after("x", "x", "x", down, down), "closed");
  assert.equal(await after("x", "x", "x", down, down, down), "open");
});

test("only failures within the window count", async () => {
  const { ask, clock, state } = setUp({ minimumCalls: 2, windowMs: 1000 });
  await ask(down);
  await clock.advance(1100);
  await ask(down);
  assert.equal(state(), "closed");
  await clock.advance(100);
  await ask(down);
  assert.equal(state(), "open");
});

test("after a while a single probe is let through, and its success closes the circuit", async () => {
  const { ask, asked, clock, state, hold } = await opened();
  await clock.advance(4999);
  assert.equal((await ask("x")).code, OPEN);
  await clock.advance(1);
  const probe = hold("x");
  assert.equal(state(), "half-open");
  const before = asked();
  for (let call = 0; call < 5; call++) {
    const refused = await ask("x");
    assert.equal(refused.code, OPEN);
    assert.ok((refused.error?.retryAfterMs ?? 0) > 0);
  }
  assert.equal(asked(), before);
  await probe.finish();
  assert.equal(state(), "closed");
  for (let call = 0; call < 5; call++) assert.equal((await ask("x")).code, "ok");
});

test("a probe whose answer has begun closes the circuit, though it has not ended", async () => {
  const { breaker, state, clock } = await opened();
  await clock.advance(5000);
  const request = chat({ model: "m" });
  const reply = await compose([breaker], scripted(chunksOf("a", "b")))(request);
  assert.equal(state(), "closed");
  await collect(reply);
});

test("a circuit that has closed has forgotten what opened it", async () => {
  const { ask, breaker, clock, state } = await opened();
  await clock.advance(5000);
  await ask("x");
  assert.deepEqual([breaker.circuits()[0]?.failures, breaker.circuits()[0]?.calls], [0, 1]);
  await ask(down);
  assert.equal(state(), "closed");
});

test("each failed probe doubles the time, up to the longest, and a success makes it short again", async () => {
  const { ask, clock, probeInMs } = await opened({ openMs: 1000, maxOpenMs: 5000 });
  const times = [probeInMs()];
  for (let probe = 0; probe < 4; probe++) {
    await clock.advance(probeInMs() ?? 0);
    assert.equal((await ask(down)).code, down.code);
    times.push(probeInMs());
  }
  assert.deepEqual(times, [1000, 2000, 4000, 5000, 5000]);
  await clock.advance(5000);
  assert.equal((await ask("x")).code, "ok");
  for (let call = 0; call < 10; call++) await ask(down);
  assert.equal(probeInMs(), 1000);
});

test("a probe that is canceled leaves its place to the next call", async () => {
  const { ask, clock, state, hold } = await opened();
  await clock.advance(5000);
  await hold("x").leave();
  assert.equal(state(), "open");
  assert.equal((await ask("x")).code, "ok");
  assert.equal(state(), "closed");
});

test("a probe that says nothing of the target leaves its place to the next call", async () => {
  const { ask, clock, state } = await opened();
  await clock.advance(5000);
  for (let probe = 0; probe < 3; probe++) {
    assert.equal((await ask(new GatewayError("llm.provider.rejected", "no"))).code, "llm.provider.rejected");
  }
  assert.equal((await ask("x")).code, "ok");
  assert.equal(state(), "closed");
});

test("a probe that does not end leaves its place to the next after as long as the circuit was open", async () => {
  const { ask, clock, hold, state, probeInMs } = await opened({ openMs: 1000, maxOpenMs: 5000 });
  await clock.advance(1000);
  await ask(down);
  assert.equal(probeInMs(), 2000);
  await clock.advance(2000);
  const probe = hold("x");
  await clock.advance(1999);
  assert.equal((await ask("x")).code, OPEN);
  await clock.advance(1);
  assert.equal((await ask("x")).code, "ok");
  assert.equal(state(), "closed");
  await probe.finish();
  assert.equal(state(), "closed");
});

test("of several probes that do not end, what an earlier one comes to later decides nothing", async () => {
  const { ask, clock, hold, state } = await opened({ openMs: 1000, maxOpenMs: 5000 });
  await clock.advance(1000);
  const first = hold(down);
  await clock.advance(1000);
  const last = hold("x");
  assert.equal((await first.finish())?.code, down.code);
  assert.equal(state(), "half-open");
  assert.equal((await ask("x")).code, OPEN);
  await last.finish();
  assert.equal(state(), "closed");
});

test("a probe that breaks off after it has closed the circuit says nothing of a later probe", async () => {
  const { ask, breaker, clock, hold, state } = await opened();
  await clock.advance(5000);
  const first = await compose([breaker], scripted(cut))(chat({ model: "m" }));
  assert.equal(state(), "closed");
  for (let call = 0; call < 10; call++) await ask(down);
  assert.equal(state(), "open");
  await clock.advance(5000);
  const second = hold("x");
  assert.equal(state(), "half-open");
  await assert.rejects(collect(first), { code: "llm.stream.interrupted" });
  assert.equal(state(), "half-open");
  await second.finish();
  assert.equal(state(), "closed");
});

test("a call that is refused is no try of its target, and one that is let in is one", async () => {
  const { breaker } = await opened();
  const request = chat({ model: "m" });
  for (const outcome of [1, 2]) {
    await assert.rejects(compose([breaker], scripted("never"))(request), { code: OPEN }, String(outcome));
    assert.equal(takeTry(request.call.context, 1), true);
  }
  assert.equal(takeTry(request.call.context, 1), false);
});

const NEITHER: readonly Code[] = [
  "llm.provider.rejected",
  "llm.request.context_length",
  "llm.model.not_found",
  "llm.provider.auth",
  "llm.provider.rate_limited",
  "llm.provider.quota_exhausted",
  "llm.rate_limit.requests",
  "llm.overloaded",
  "llm.shutting_down",
  "llm.canceled",
  "llm.internal",
  "llm.timeout.total",
  "llm.output.invalid_json",
];

for (const [codes, state] of [
  [NEITHER, "closed"],
  [OUTAGES, "open"],
] as const) {
  for (const code of codes) {
    test(`a target that fails with ${code} alone is ${state}`, async () => {
      const { ask, breaker, state: stateNow } = setUp();
      for (let call = 0; call < 20; call++) await ask(new GatewayError(code, "why"));
      assert.equal(stateNow(), state);
      assert.equal(breaker.circuits()[0]?.calls, state === "open" ? 10 : 0);
    });
  }
}

test("an answer that is cut in its middle is a failure, and one that its caller leaves is neither", async () => {
  const { ask, breaker, hold, clock } = setUp();
  for (let call = 0; call < 3; call++) assert.equal((await ask(cut)).code, "llm.stream.interrupted");
  assert.deepEqual(counts(breaker.circuits()[0]), [3, 3]);
  await hold(down).leave();
  for await (const _ of (await compose([breaker], scripted(chunksOf("a", "b")))(chat({ model: "m" }))).chunks) break;
  const stop = new AbortController();
  const unread = chat({ model: "m" }, { signal: stop.signal });
  await compose([breaker], scripted(chunksOf("a")))(unread);
  stop.abort();
  await clock.advance(0);
  assert.deepEqual(counts(breaker.circuits()[0]), [3, 3]);
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  await ask("x");
  assert.deepEqual(counts(breaker.circuits()[0]), [4, 3]);
});

test("a last target that still answers some calls is asked on", async () => {
  const { ask, state, clock } = setUp({ minimumCalls: 4 });
  await ask("x");
  for (let call = 0; call < 5; call++) await ask(down);
  assert.equal(state(), "open");
  assert.equal((await ask("x", { spare: 0 })).code, "ok");
  assert.equal((await ask(down, { spare: 0 })).code, down.code);
  assert.equal((await ask("x", { spare: 1 })).code, OPEN);
  assert.equal(clock.waiting, 0);
});

test("a last target without a single success of late is given up on", async () => {
  const { ask } = setUp({ minimumCalls: 4 });
  for (let call = 0; call < 4; call++) await ask(down, { spare: 0 });
  assert.equal((await ask("x", { spare: 0 })).code, OPEN);
  const later = setUp({ minimumCalls: 4, windowMs: 1000, openMs: 5000 });
  await later.ask("x");
  for (let call = 0; call < 4; call++) await later.ask(down);
  assert.equal((await later.ask("x", { spare: 0 })).code, "ok");
  await later.clock.advance(1100);
  assert.equal((await later.ask("x", { spare: 0 })).code, OPEN);
});

test("a target that is open is passed over at once for the next one", async () => {
  const clock = fakeClock();
  const handler = scripted(down, "from b", "from b again");
  const layers = [fallback({ models: { a: ["b"] }, clock }), circuitBreaker({ minimumCalls: 1, clock })];
  const pipeline = compose(layers, handler);
  for (const _ of [1, 2]) await collect(await pipeline(chat({ model: "a" })));
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["a", "b", "b"],
  );
});

test("each model has its own circuit, or each target that a function names", async () => {
  const { ask, breaker } = setUp({ minimumCalls: 1 });
  await ask(down, { model: "a" });
  assert.equal((await ask("x", { model: "a" })).code, OPEN);
  assert.equal((await ask("x", { model: "b" })).code, "ok");
  const names = (all: readonly Circuit[]) => all.map(({ target, state }) => `${target} ${state}`);
  assert.deepEqual(names(breaker.circuits()), ["a open", "b closed"]);
  const byUser = setUp({ minimumCalls: 1, target: ({ user }: ChatRequest) => String(user) });
  await byUser.ask(down, { model: "a" });
  assert.equal((await byUser.ask("x", { model: "b" })).code, OPEN);
});

test("circuits are shown as they are, for a thousand targets at most", async () => {
  const { ask, breaker, clock } = setUp({ minimumCalls: 2 });
  assert.deepEqual(breaker.circuits(), []);
  await ask(down);
  assert.deepEqual(breaker.circuits(), [{ target: "m", state: "closed", calls: 1, failures: 1, probeInMs: 0 }]);
  await ask(down);
  await clock.advance(2000);
  assert.deepEqual(breaker.circuits(), [{ target: "m", state: "open", calls: 2, failures: 2, probeInMs: 3000 }]);
  await clock.advance(9000);
  assert.equal(breaker.circuits()[0]?.probeInMs, 0);
  for (let model = 0; model < 1001; model++) await ask("x", { model: String(model) });
  assert.equal(breaker.circuits().length, 1000);
});

test("every change is told once, with the circuit as it is then", async () => {
  const { ask, changes, clock } = setUp({ minimumCalls: 2, openMs: 1000 });
  for (let call = 0; call < 4; call++) await ask(down);
  await clock.advance(1000);
  await ask(down);
  await clock.advance(2000);
  await ask("x");
  await ask("x");
  assert.deepEqual(
    changes.map(({ target, state, probeInMs }) => [target, state, probeInMs]),
    [
      ["m", "open", 1000],
      ["m", "half-open", 0],
      ["m", "open", 2000],
      ["m", "half-open", 0],
      ["m", "closed", 0],
    ],
  );
});

test("an answer is an answer, also where onChange throws or rejects", async () => {
  for (const onChange of [
    () => {
      throw new Error("the log is full");
    },
    async () => {
      throw new Error("the log is full");
    },
  ]) {
    const { ask, clock } = setUp({ minimumCalls: 1, onChange });
    assert.equal((await ask(down)).code, down.code);
    assert.equal((await ask("x")).code, OPEN);
    await clock.advance(5000);
    assert.equal((await ask("x")).code, "ok");
  }
});

test("what comes from below is given back as it is, without timers or listeners", async () => {
  const { breaker, clock } = setUp();
  const stop = new AbortController();
  const request = chat({ model: "m" }, { signal: stop.signal });
  const handler = scripted("Hello", down);
  const pipeline = compose([breaker], handler);
  assert.equal((await collect(await pipeline(request))).choices[0]?.message.content, "Hello");
  await assert.rejects(pipeline(request), (error) => error === down);
  for (const sent of handler.requests) assert.equal(sent, request);
  assert.deepEqual([clock.waiting, getEventListeners(stop.signal, "abort").length, handler.open], [0, 0, 0]);
});

const BAD: Readonly<Record<string, readonly CircuitBreakerOptions[]>> = {
  failureShare: [{ failureShare: 0 }, { failureShare: 1.1 }, { failureShare: Number.NaN }],
  minimumCalls: [{ minimumCalls: 0 }, { minimumCalls: 1.5 }],
  windowMs: [{ windowMs: 0 }, { windowMs: Number.POSITIVE_INFINITY }],
  openMs: [{ openMs: 0 }, { openMs: -1 }],
  maxOpenMs: [{ maxOpenMs: 4999 }, { openMs: 10, maxOpenMs: 9 }],
};

for (const [name, all] of Object.entries(BAD)) {
  test(`a ${name} that cannot be used is refused by name`, () => {
    for (const options of all) {
      assert.throws(
        () => circuitBreaker(options),
        (error) => error instanceof TypeError && error.message.startsWith(`circuitBreaker: ${name} `),
      );
    }
  });
}

function counts(circuit: Circuit | undefined): unknown[] {
  return [circuit?.calls, circuit?.failures];
}

interface Told {
  readonly code: Code | "ok";
  readonly error?: GatewayError;
}

function setUp(options: CircuitBreakerOptions = {}) {
  const clock = fakeClock();
  const changes: Circuit[] = [];
  const breaker = circuitBreaker({ clock, onChange: (circuit) => changes.push(circuit), ...options });
  let asked = 0;
  /** One call of a target that behaves as given; another target is left, unless `spare` says otherwise. */
  const ask = async (outcome: Outcome, { model = "m", spare = 1 } = {}): Promise<Told> => {
    const handler = scripted(outcome);
    const request = chat({ model });
    request.call.context.set(spareTargets, spare);
    try {
      await collect(await compose([breaker], handler)(request));
      return { code: "ok" };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      return { code: error.code, error };
    } finally {
      asked += handler.requests.length;
      assert.equal(handler.open, 0);
    }
  };
  /** A call whose target is silent until it is told to answer, or whose caller leaves. */
  const hold = (outcome: Outcome) => {
    const gate = Promise.withResolvers<void>();
    const stop = new AbortController();
    const request = chat({ model: "m" }, { signal: stop.signal });
    const handler = scripted(async (sent) => {
      await gate.promise;
      return scripted(outcome)(sent);
    });
    const replying: Promise<ChatReply> = compose([breaker], handler)(request);
    const over = replying.then(collect).then(
      () => undefined,
      (thrown: unknown) => toGatewayError(thrown),
    );
    return {
      /** Gives back what it fails with, if it does. */
      finish: () => {
        gate.resolve();
        return over;
      },
      leave: async () => {
        stop.abort();
        gate.reject(stop.signal.reason);
        await assert.rejects(replying);
      },
    };
  };
  const state = () => breaker.circuits()[0]?.state;
  const probeInMs = () => breaker.circuits()[0]?.probeInMs;
  return { clock, breaker, changes, ask, hold, asked: () => asked, state, probeInMs };
}

/** A breaker whose circuit of the model `m` has just opened. */
async function opened(options: CircuitBreakerOptions = {}) {
  const set = setUp(options);
  for (let call = 0; call < 10; call++) await set.ask(down);
  assert.equal(set.state(), "open");
  return set;
}
