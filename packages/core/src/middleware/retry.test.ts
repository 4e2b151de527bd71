import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "../codes.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { deadline } from "../deadline.ts";
import { GatewayError, type GatewayErrorOptions } from "../error.ts";
import { wantsRetry } from "../fallback-fields.ts";
import type { ChatReply, ChatRequest, Handler } from "../index.ts";
import { failureOf, textOf } from "../testing/outcome.ts";
import { chat, chunksOf, type FakeClock, fakeClock, type Outcome, type Scripted, scripted } from "../testing.ts";
import { spareTargets, targetBudget } from "../tries.ts";
import { fallback } from "./fallback.ts";
import { type RetryOptions, retry } from "./retry.ts";
import { timeout } from "./timeout.ts";

const down = new GatewayError("llm.provider.server_error", "down");

test("a failure that passes is tried again with the same request, and the caller gets the answer", async () => {
  const { handler, times, run } = setUp([down, down, "Hello"]);
  const request = chat();
  assert.equal(await textOf(run(request)), "Hello");
  assert.deepEqual(times, [0, 125, 375]);
  for (const sent of handler.requests) {
    assert.deepEqual(bodyOf(sent), bodyOf(request));
    assert.deepEqual([sent.call.id, sent.call.signal], [request.call.id, request.call.signal]);
  }
});

test("a call that succeeds is asked once, and no timer is left", async () => {
  const { times, clock, run } = setUp(["Hello"]);
  assert.equal(await textOf(run()), "Hello");
  assert.deepEqual(times, [0]);
  assert.equal(clock.waiting, 0);
});

test("a wait is anything from nothing to its most, which doubles each time up to the longest", async () => {
  const most = [100, 200, 400, 500, 500];
  for (const share of [0, 0.25, 0.5, 0.999]) {
    const { times, run } = setUp(Array<Outcome>(6).fill(down), {
      retries: 5,
      maxAttempts: 6,
      baseDelayMs: 100,
      maxDelayMs: 500,
      random: () => share,
    });
    await failureOf(run());
    const waits = times.slice(1).map((time, at) => Math.round(time - (times[at] ?? 0)));
    assert.deepEqual(
      waits,
      most.map((ms) => Math.round(ms * share)),
    );
  }
});

test("every wait is drawn anew", async () => {
  const draws = [0.1, 0.9];
  const { times, run } = setUp([down, down, "x"], { random: () => draws.shift() ?? 0 });
  await run();
  assert.deepEqual(times, [0, 25, 25 + 450]);
});

test("too many calls and an overloaded provider are given more time than other failures", async () => {
  const waits: Record<string, number | undefined> = {};
  for (const code of [
    "llm.provider.rate_limited",
    "llm.provider.overloaded",
    "llm.provider.server_error",
    "llm.provider.unreachable",
    "llm.stream.interrupted",
  ] as const) {
    const { times, run } = setUp([new GatewayError(code, "why"), "x"], { baseDelayMs: 100, throttleDelayMs: 2000 });
    await run();
    waits[code] = times[1];
  }
  assert.deepEqual(waits, {
    "llm.provider.rate_limited": 1000,
    "llm.provider.overloaded": 1000,
    "llm.provider.server_error": 50,
    "llm.provider.unreachable": 50,
    "llm.stream.interrupted": 50,
  });
});

test("a provider that says when to come back is not asked before, and not by all in the same moment", async () => {
  const times: number[] = [];
  for (const share of [0, 0.5, 0.999]) {
    const { times: asked, run } = setUp([after(2000), "x"], { random: () => share });
    assert.equal(await textOf(run()), "x");
    times.push(asked[1] ?? 0);
  }
  assert.equal(times[0], 2000);
  assert.equal(new Set(times).size, 3);
  for (const time of times) assert.ok(time >= 2000 && time < 3000, String(time));
});

test("a caller who asks for a retry does not shorten the wait that a provider asks for", async () => {
  const { times, run } = setUp([after(3000), "x"]);
  await run(chat({ fallback_config: { retry: true } }));
  assert.ok((times[1] ?? 0) >= 3000);
});

test("a provider that asks for more than the longest wait is not waited for, and the caller is told its time", async () => {
  const { clock, times, pipeline } = setUp([after(8001)]);
  const error = await failureOf(pipeline(chat()));
  assert.deepEqual([error.retryAfterMs, error.retryable, error.code], [8001, true, "llm.provider.rate_limited"]);
  assert.deepEqual(times, [0]);
  assert.equal(clock.waiting, 0);
  const longest = setUp([after(8000), "x"]);
  assert.equal(await textOf(longest.run()), "x");
});

test("no wait goes past the deadline: the provider's own failure is told at once", async () => {
  const { clock, times, pipeline } = setUp([down, down, "never"]);
  const request = chat();
  request.call.context.set(deadline, 375);
  const failing = failureOf(pipeline(request));
  await clock.advance(125);
  const error = await failing;
  assert.equal(error.code, "llm.provider.server_error");
  assert.deepEqual(times, [0, 125]);
  assert.equal(clock.waiting, 0);
  const later = setUp([down, down, "x"]);
  const more = chat();
  more.call.context.set(deadline, 376);
  assert.equal(await textOf(later.run(more)), "x");
});

test("a limit on the whole call is known to a retry below it", async () => {
  const clock = fakeClock();
  const handler = scripted(after(2000));
  const layers = [timeout({ totalMs: 1500, clock }), retry({ clock, random: () => 0 })];
  const error = await failureOf(compose(layers, handler)(chat()));
  assert.equal(error.code, "llm.provider.rate_limited");
  assert.equal(clock.now(), 0);
  assert.equal(clock.waiting, 0);
});

test("a wait ends as soon as the caller leaves, without another try", async () => {
  const call = new AbortController();
  const { clock, times, pipeline } = setUp([down, "never"]);
  const failing = failureOf(pipeline(chat("Hi", { signal: call.signal })));
  await clock.advance(124);
  assert.equal(clock.waiting, 1);
  call.abort(new GatewayError("llm.canceled", "gone"));
  assert.equal((await failing).message, "gone");
  assert.equal(clock.waiting, 0);
  await clock.advance(10_000);
  assert.deepEqual(times, [0]);
});

test("a failure of a call that is over is not tried again", async () => {
  const call = new AbortController();
  const leaves: Handler = async () => {
    call.abort();
    throw down;
  };
  const { clock, times, pipeline } = setUp([leaves]);
  assert.equal(await failureOf(pipeline(chat("Hi", { signal: call.signal }))), down);
  assert.deepEqual(times, [0]);
  assert.equal(clock.waiting, 0);
});

test("a target is asked again as often as it is allowed, and no more", async () => {
  const tries = async (options: RetryOptions, error = down): Promise<number> => {
    const { times, run } = setUp(Array<Outcome>(20).fill(error), options);
    await failureOf(run());
    return times.length;
  };
  assert.equal(await tries({}), 3);
  assert.equal(await tries({ retries: 0 }), 1);
  assert.equal(await tries({ retries: 1 }), 2);
  assert.equal(await tries({ retries: 3 }), 4);
  assert.equal(await tries({ retries: 10 }), 11);
  assert.equal(await tries({ retries: 10, maxAttempts: 5 }), 5);
  assert.equal(await tries({ maxAttempts: 1 }), 1);
  for (const [maxRetries, expected] of [
    [0, 1],
    [1, 2],
    [9, 3],
  ] as const) {
    assert.equal(await tries({}, down.with({ maxRetries })), expected);
  }
});

test("two retries in one pipeline make no more tries than one", async () => {
  const clock = fakeClock();
  const { handler, times } = timed(clock, Array<Outcome>(20).fill(down));
  const pipeline = compose([retry({ clock }), retry({ clock })], handler);
  const failing = failureOf(pipeline(chat()));
  await clock.advance(100_000);
  await failing;
  assert.equal(times.length, 3);
});

test("however many fallbacks there are, a call makes three tries at most, the last of them elsewhere", async () => {
  const asked = async (chain: readonly string[]): Promise<string> => {
    const clock = fakeClock();
    const { handler } = timed(clock, Array<Outcome>(20).fill(down));
    const pipeline = compose([fallback({ models: { a: chain }, clock }), retry({ clock })], handler);
    const failing = failureOf(pipeline(chat({ model: "a" })));
    await clock.advance(100_000);
    await failing;
    return handler.requests.map(({ model }) => model).join(" ");
  };
  assert.equal(await asked([]), "a a a");
  assert.equal(await asked(["b"]), "a a b");
  assert.equal(await asked(["b", "c"]), "a a b");
  assert.equal(await asked(["b", "c", "d", "e"]), "a a b");
});

test("of a thousand calls that all fail, no more than a fifth is tried again, but for a few", async () => {
  const clock = fakeClock();
  let tries = 0;
  const failing: Handler = async () => {
    tries++;
    throw down;
  };
  const pipeline = compose([retry({ clock })], failing);
  const calls = Array.from({ length: 1000 }, () => failureOf(pipeline(chat())));
  await clock.advance(100_000);
  await Promise.all(calls);
  assert.ok(tries <= 1200 + 20, String(tries));
  assert.ok(tries >= 1200, String(tries));
});

test("in a storm that lasts, extra tries stay at a fifth of the calls and two a second", async () => {
  const clock = fakeClock();
  let tries = 0;
  const pipeline = compose([retry({ clock })], async () => {
    tries++;
    throw down;
  });
  const calls: Promise<unknown>[] = [];
  for (let tick = 0; tick < 300; tick++) {
    for (let each = 0; each < 10; each++) calls.push(failureOf(pipeline(chat())));
    await clock.advance(100);
  }
  await clock.advance(100_000);
  await Promise.all(calls);
  assert.ok(tries <= 3000 * 1.2 + 10 * 30, String(tries));
});

test("each target has a budget of its own: the model, or what the operator says", async () => {
  const budget = { share: 0, perSecond: 0.1 };
  const tries = async (options: RetryOptions): Promise<number[]> => {
    const { clock, pipeline, times } = setUp(Array<Outcome>(20).fill(down), { ...options, budget });
    const made: number[] = [];
    for (const model of ["a", "a", "b"]) {
      const before = times.length;
      const failing = failureOf(pipeline(chat({ model })));
      await clock.advance(4000);
      await failing;
      made.push(times.length - before);
    }
    return made;
  };
  assert.deepEqual(await tries({}), [2, 1, 2]);
  assert.deepEqual(await tries({ target: () => "all" }), [2, 1, 1]);
});

test("what is below may take a try from the budget of its target, and nobody else", async () => {
  const took: (boolean | undefined)[] = [];
  const asks: Handler = async ({ call }) => {
    took.push(call.context.get(targetBudget)?.());
    throw down;
  };
  const { clock, pipeline } = setUp([asks, asks, asks], { budget: { share: 0, perSecond: 0.2 } });
  const request = chat({ model: "a" });
  const failing = failureOf(pipeline(request));
  await clock.advance(4000);
  await failing;
  assert.deepEqual(took, [true, false], "of two, one was taken below and one by the retry itself");
  assert.equal(request.call.context.get(targetBudget), undefined);
});

test("the outermost layer decides how many tries a call has", async () => {
  const asked = async (outer: number, inner: number): Promise<string> => {
    const clock = fakeClock();
    const { handler } = timed(clock, Array<Outcome>(20).fill(down));
    const layers = [
      fallback({ models: { a: ["b"] }, maxAttempts: outer, clock }),
      retry({ retries: 9, maxAttempts: inner, clock }),
    ];
    const failing = failureOf(compose(layers, handler)(chat({ model: "a" })));
    await clock.advance(100_000);
    await failing;
    return handler.requests.map(({ model }) => model).join(" ");
  };
  assert.equal(await asked(2, 9), "a b");
  assert.equal(await asked(5, 2), "a a a a b");
});

test("a caller who wants no retry gets none, with a fallback around it and without", async () => {
  const body = { fallback_config: { retry: false } };
  const alone = setUp([down]);
  assert.equal(await failureOf(alone.pipeline(chat(body))), down);
  const below = setUp([down]);
  assert.equal(await failureOf(compose([fallback({ clock: below.clock })], below.pipeline)(chat(body))), down);
});

test("a caller who wants a retry gets one after half a second where none is configured", async () => {
  for (const around of [[], [fallback()]]) {
    const { times, clock, pipeline } = setUp([down, down, "never"], { retries: 0 });
    const failing = failureOf(compose(around, pipeline)(chat({ fallback_config: { retry: true } })));
    await clock.advance(499);
    assert.equal(times.length, 1);
    await clock.advance(100_000);
    await failing;
    assert.deepEqual(times, [0, 500]);
  }
});

test("a caller who wants a retry gets one after half a second, whatever is configured", async () => {
  for (const options of [{}, { retries: 1 }, { retries: 9 }, { baseDelayMs: 5000 }]) {
    const { times, run } = setUp(Array<Outcome>(9).fill(down), options);
    const error = await failureOf(run(chat({ fallback_config: { retry: true } })));
    assert.deepEqual(times, [0, 500], JSON.stringify(options));
    assert.equal(error.retryable, false);
  }
});

test("a caller who does not say gets what is configured, and the field goes no further", async () => {
  for (const fallback_config of [null, {}, { depth: 2 }]) {
    const { handler, times, run } = setUp([down, "x"]);
    await run(chat({ fallback_config }));
    assert.deepEqual(times, [0, 125]);
    for (const sent of handler.requests) assert.equal("fallback_config" in sent, false);
  }
});

test("a wish that cannot be read is refused before any call", async () => {
  const { handler, pipeline } = setUp([]);
  const error = await failureOf(pipeline(chat({ fallback_config: { retry: "yes" } })));
  assert.equal(error.code, "llm.request.invalid");
  assert.deepEqual(
    error.issues.map(({ path }) => path),
    ["fallback_config.retry"],
  );
  assert.equal(handler.requests.length, 0);
});

test("the fields of a fallback that is not mounted are left for the provider to refuse", async () => {
  const { handler, run } = setUp(["x"]);
  const request = chat({ fallbacks: [{ model: "b" }], fallback_config: { depth: 1 } });
  await run(request);
  assert.deepEqual(handler.requests.map(bodyOf), [bodyOf(request)]);
});

for (const [code, { remedy }] of Object.entries(codes)) {
  // The table's own keys are its codes.
  const error = new GatewayError(code as Code, "why");
  test(`${code} is ${remedy === "retry" ? "tried again" : "told as it is, at once"}`, async () => {
    const { times, clock, pipeline } = setUp(remedy === "retry" ? [error, "x"] : [error]);
    const replying = pipeline(chat());
    if (remedy !== "retry") assert.equal(await failureOf(replying), error);
    await clock.advance(100_000);
    assert.equal(times.length, remedy === "retry" ? 2 : 1);
    await replying.catch(() => {});
  });
}

test("what is thrown that nobody knows is not tried again", async () => {
  const thrown = new TypeError("a defect");
  const { clock, pipeline } = setUp([thrown]);
  const error = await failureOf(pipeline(chat()));
  assert.deepEqual([error.code, error.cause], ["llm.internal", thrown]);
  assert.equal(clock.waiting, 0);
});

test("a target that another can stand in for at once is only waited for where there is no other", async () => {
  const refused = new GatewayError("llm.provider.unreachable", "refused", { remedy: "fallback-first" });
  const alone = setUp([refused, "x"]);
  assert.equal(await textOf(alone.run()), "x");
  assert.equal(alone.times.length, 2);
  const { clock, handler } = setUp([refused, "other"]);
  const layers = [fallback({ models: { "test-model": ["b"] }, clock }), retry({ clock })];
  assert.equal(await textOf(compose(layers, handler)(chat())), "other");
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["test-model", "b"],
  );
  assert.equal(clock.now(), 0);
});

test("after tries in vain the caller is told not to add its own, unless it is told when", async () => {
  const told = async (options: GatewayErrorOptions, retries = 2): Promise<readonly unknown[]> => {
    const { run } = setUp(Array<Outcome>(9).fill(down.with(options)), { retries });
    const { code, message, retryable, retryAfterMs } = await failureOf(run());
    assert.deepEqual([code, message], [down.code, down.message]);
    return [retryable, retryAfterMs];
  };
  assert.deepEqual(await told({}), [false, undefined]);
  assert.deepEqual(await told({ retryAfterMs: 5 }), [true, 5]);
  assert.deepEqual(await told({}, 0), [true, undefined]);
});

test("a stream that fails before anything was seen of it is tried again, and later it is not", async () => {
  const pieces = chunksOf("half", "whole");
  const before = setUp([[...pieces.slice(0, 1), down], "whole"]);
  assert.equal(await textOf(before.run()), "whole");
  const during = setUp([[...pieces.slice(0, 2), down], "never"]);
  const reply = await during.run();
  assert.equal((await failureOf(collect(reply))).phase, "during");
  assert.equal(during.times.length, 1);
});

test("what a fallback above says of the caller's wish and of other targets counts", async () => {
  const request = chat();
  request.call.context.set(wantsRetry, true);
  request.call.context.set(spareTargets, 1);
  const { times, run } = setUp(Array<Outcome>(9).fill(down), { retries: 9 });
  await failureOf(run(request));
  assert.deepEqual(times, [0, 500]);
});

const BAD: Readonly<Record<string, readonly RetryOptions[]>> = {
  retries: [{ retries: -1 }, { retries: 0.5 }, { retries: Number.NaN }, { retries: 101 }],
  maxAttempts: [{ maxAttempts: 0 }, { maxAttempts: 1.5 }],
  baseDelayMs: [{ baseDelayMs: -1 }, { baseDelayMs: Number.NaN }, { baseDelayMs: Number.POSITIVE_INFINITY }],
  throttleDelayMs: [{ throttleDelayMs: -1 }],
  maxDelayMs: [{ maxDelayMs: -1 }, { maxDelayMs: Number.POSITIVE_INFINITY }],
  "budget.share": [{ budget: { share: 1.1 } }, { budget: { share: -0.1 } }],
  "budget.perSecond": [{ budget: { perSecond: -1 } }],
};

for (const [name, all] of Object.entries(BAD)) {
  test(`a ${name} that cannot be used is refused at the start, by name`, () => {
    for (const options of all) {
      assert.throws(
        () => retry(options),
        (error) => error instanceof TypeError && error.message.startsWith(`retry: ${name} `),
        JSON.stringify(options),
      );
    }
  });
}

function after(retryAfterMs: number): GatewayError {
  return new GatewayError("llm.provider.rate_limited", "slow down", { retryAfterMs });
}

function bodyOf({ call: _, ...body }: ChatRequest): object {
  return body;
}

/** A handler that also notes when it was called. */
function timed(clock: FakeClock, outcomes: readonly Outcome[]): { handler: Scripted; times: number[] } {
  const times: number[] = [];
  const handler = scripted(
    ...outcomes.map(
      (outcome): Outcome =>
        async (request) => {
          times.push(clock.now());
          return scripted(outcome)(request);
        },
    ),
  );
  return { handler, times };
}

/** A retry over a handler with the given outcomes; half of each wait is waited. `run` lets the time pass that it takes. */
function setUp(outcomes: readonly Outcome[], options: RetryOptions = {}) {
  const clock = fakeClock();
  const { handler, times } = timed(clock, outcomes);
  const pipeline = compose([retry({ clock, random: () => 0.5, ...options })], handler);
  const run = async (request: ChatRequest = chat()): Promise<ChatReply> => {
    const replying = pipeline(request);
    replying.catch(() => {});
    await clock.advance(100_000);
    return replying;
  };
  return { clock, handler, times, pipeline, run };
}
