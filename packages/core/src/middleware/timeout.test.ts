import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { pause } from "../abort.ts";
import type { Code } from "../codes.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { contextKey } from "../context.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import type { Call, ChatBody, ChatChunk, ChatReply, ChatRequest, Handler } from "../index.ts";
import { discard, textReply } from "../reply.ts";
import { failureOf, textOf } from "../testing/outcome.ts";
import { readyIn } from "../testing/ready-in.ts";
import { chat, chunksOf, type FakeClock, fakeClock, type Outcome, scripted } from "../testing.ts";
import { fallback } from "./fallback.ts";
import { retry } from "./retry.ts";
import { type TimeoutLimits, timeout, timeouts } from "./timeout.ts";

const LIMITS: Readonly<Record<string, readonly [limits: TimeoutLimits, body: Partial<ChatBody>, code: Code]>> = {
  "a call that takes too long in all": [{ totalMs: 100 }, {}, "llm.timeout.total"],
  "a stream that takes too long in all": [{ totalMs: 100 }, { stream: true }, "llm.timeout.total"],
  "a stream that does not begin": [{ firstTokenMs: 100 }, { stream: true }, "llm.timeout.first_token"],
  "an answer in one piece that does not come": [{ completionMs: 100 }, {}, "llm.timeout.first_token"],
  "a call with several limits": [{ totalMs: 150, completionMs: 100, firstTokenMs: 50 }, {}, "llm.timeout.first_token"],
  "a stream with several limits": [
    { totalMs: 100, firstTokenMs: 150, completionMs: 50, idleMs: 10 },
    { stream: true },
    "llm.timeout.total",
  ],
};

for (const [what, [limits, body, code]] of Object.entries(LIMITS)) {
  test(`${what} ends in time with ${code}, and nobody waits for a handler that ignores its signal`, async () => {
    const { clock, handler, pipeline, request, listening } = setUp(limits, [deaf], body);
    const failing = failureOf(pipeline(request));
    const over = ended(failing);
    await clock.advance(99);
    assert.equal(over(), false);
    await clock.advance(1);
    const error = await failing;
    assert.deepEqual([error.code, error.status, error.phase], [code, 504, "before"]);
    assert.equal(handler.requests[0]?.call.signal.reason, error);
    assert.equal(request.call.signal.aborted, false);
    assert.deepEqual([clock.waiting, listening()], [0, 0]);
  });
}

const OTHERS: Readonly<Record<string, readonly [limits: TimeoutLimits, body: Partial<ChatBody>]>> = {
  "the limit on a stream's first token is none for an answer in one piece": [{ firstTokenMs: 100 }, {}],
  "the limit on an answer in one piece is none for a stream": [{ completionMs: 100 }, { stream: true }],
  "the limit between two chunks is none before the first": [{ idleMs: 100 }, { stream: true }],
};

for (const [what, [limits, body]] of Object.entries(OTHERS)) {
  test(what, async () => {
    const { clock, handler, pipeline, request, listening } = setUp(limits, [after(10_000, "late")], body);
    const replying = pipeline(request);
    await clock.advance(10_000);
    assert.equal(await textOf(replying), "late");
    assert.deepEqual([clock.waiting, listening(), handler.open], [0, 0, 0]);
  });
}

test("a call that is in time is passed on whole, headers and all, and leaves nothing behind", async () => {
  const answer: Handler = async () => ({ ...textReply("Hello"), headers: { "x-a": "b" } });
  const { clock, handler, pipeline, request, listening } = setUp(ALL, [answer]);
  const reply = await pipeline(request);
  assert.deepEqual(reply.headers, { "x-a": "b" });
  assert.equal(await textOf(reply), "Hello");
  assert.deepEqual([clock.waiting, listening(), handler.open], [0, 0, 0]);
});

test("a failure from below is the same failure, and leaves nothing behind", async () => {
  const busy = new GatewayError("llm.provider.overloaded", "busy");
  const thrower: Handler = () => {
    throw busy;
  };
  for (const outcome of [busy, thrower]) {
    const { clock, pipeline, request, listening } = setUp(ALL, [outcome]);
    assert.equal(await failureOf(pipeline(request)), busy);
    assert.deepEqual([clock.waiting, listening()], [0, 0]);
  }
});

test("an answer that comes too late is let go, unread", async () => {
  const { clock, handler, pipeline, request } = setUp({ totalMs: 100 }, [deafFor(200, chunksOf("late"))]);
  const failing = failureOf(pipeline(request));
  await clock.advance(100);
  assert.equal((await failing).code, "llm.timeout.total");
  assert.equal(handler.open, 0);
  await clock.advance(100);
  assert.equal(handler.open, 0);
  assert.equal(clock.waiting, 0);
});

test("a failure that comes too late is nobody's, and not left unhandled", async () => {
  const { clock, pipeline, request } = setUp({ totalMs: 100 }, [deafFor(200, new Error("late"))]);
  const failing = failureOf(pipeline(request));
  await clock.advance(300);
  assert.equal((await failing).code, "llm.timeout.total");
});

test("a stream that has begun is no longer held to the limit on its first token", async () => {
  const { clock, pipeline, request } = setUp({ firstTokenMs: 50 }, [dripping(40, "a", "b", "c")], { stream: true });
  const reading = read(pipeline(request));
  await clock.advance(1000);
  assert.deepEqual([(await reading).text, (await reading).error], ["abc", undefined]);
});

test("a stream that falls silent ends with llm.timeout.idle, and what came before it is kept", async () => {
  const { clock, handler, pipeline, request, listening } = setUp({ idleMs: 50 }, [dripping(50, "a", "b")], {
    stream: true,
  });
  const reading = read(pipeline(request));
  await clock.advance(99);
  assert.equal(handler.requests[0]?.call.signal.aborted, false);
  await clock.advance(1);
  const { text, error } = await reading;
  assert.equal(text, "a");
  assert.deepEqual([error?.code, error?.status, error?.phase], ["llm.timeout.idle", 504, "during"]);
  assert.ok(handler.requests[0]?.call.signal.aborted);
  assert.deepEqual([clock.waiting, listening(), handler.open], [0, 0, 0]);
});

test("a stream that falls silent and ignores its signal is not waited for", async () => {
  const never = new Promise<never>(() => {});
  const answer: Handler = async () => {
    const [, first] = chunksOf("a");
    let given = false;
    const next = (): Promise<IteratorResult<ChatChunk>> => {
      if (given || !first) return never;
      given = true;
      return Promise.resolve({ done: false, value: first });
    };
    return { headers: {}, chunks: { [Symbol.asyncIterator]: () => ({ next, return: () => never }) } };
  };
  for (const limits of [{ idleMs: 50 }, { totalMs: 50 }]) {
    const { clock, pipeline, request, listening } = setUp(limits, [answer], { stream: true });
    const reading = read(pipeline(request));
    await clock.advance(50);
    const { text, error } = await reading;
    assert.equal(text, "a");
    assert.equal(error?.code, "idleMs" in limits ? "llm.timeout.idle" : "llm.timeout.total");
    assert.deepEqual([clock.waiting, listening()], [0, 0]);
  }
});

test("a stream that drips is ended in all, by the total alone", async () => {
  const pieces = Array<string>(100).fill("x");
  const { clock, handler, pipeline, request, listening } = setUp(
    { totalMs: 1000, idleMs: 50, firstTokenMs: 50 },
    [dripping(49, ...pieces)],
    { stream: true },
  );
  const reading = read(pipeline(request));
  await clock.advance(1000);
  const { text, error } = await reading;
  assert.equal(text.length, 20);
  assert.deepEqual([error?.code, error?.phase], ["llm.timeout.total", "during"]);
  assert.deepEqual([clock.waiting, listening(), handler.open], [0, 0, 0]);
});

test("a reader that takes its time is no silent provider", async () => {
  const { clock, pipeline, request } = setUp({ idleMs: 50 }, [chunksOf("a", "b", "c")], { stream: true });
  const { chunks } = await pipeline(request);
  let text = "";
  for await (const chunk of chunks) {
    text += chunk.choices[0]?.delta.content ?? "";
    await clock.advance(10_000);
  }
  assert.equal(text, "abc");
  assert.equal(clock.waiting, 0);
});

test("silence is counted from when a slow reader has come back", async () => {
  const stalling: Handler = async () => ({
    headers: {},
    chunks: (async function* () {
      yield* chunksOf("a").slice(0, 2);
      await new Promise(() => {});
    })(),
  });
  const { clock, pipeline, request } = setUp({ idleMs: 50 }, [stalling], { stream: true });
  const reply = await pipeline(request);
  const iterator = reply.chunks[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  await clock.advance(1020);
  const failing = failureOf(iterator.next());
  const over = ended(failing);
  await clock.advance(49);
  assert.equal(over(), false);
  await clock.advance(1);
  assert.equal((await failing).code, "llm.timeout.idle");
  assert.equal(clock.waiting, 0);
});

test("a call has a timer for each of its limits and no more, and none once it is over", async () => {
  const { clock, pipeline, request } = setUp({ totalMs: 10_000, firstTokenMs: 5000, idleMs: 500 }, [
    chunksOf(...Array<string>(50).fill("x")),
  ]);
  const streamed = { ...request, stream: true };
  const replying = pipeline(streamed);
  assert.equal(clock.waiting, 2);
  const { chunks } = await replying;
  for await (const _ of chunks) {
    await clock.advance(100);
    assert.ok(clock.waiting <= 2, `${clock.waiting} timers for one stream`);
  }
  assert.equal(clock.waiting, 0);
});

test("a caller who leaves ends the call at once, for its own reason", async () => {
  const { clock, handler, pipeline, request, leave, listening } = setUp(ALL, [deaf]);
  const replying = pipeline(request);
  const failed = assert.rejects(replying, (thrown) => thrown === LEFT);
  await clock.advance(10);
  leave();
  await failed;
  assert.equal(handler.requests[0]?.call.signal.reason, LEFT);
  assert.deepEqual([clock.waiting, listening()], [0, 0]);
});

test("a caller who has left already is told so, nothing is called, and nothing is left behind", async () => {
  const { clock, handler, pipeline, request, leave, listening } = setUp(ALL, [deaf]);
  leave();
  await assert.rejects(pipeline(request), (thrown) => thrown === LEFT);
  assert.equal(handler.requests.length, 0);
  assert.deepEqual([clock.waiting, listening()], [0, 0]);
});

const UNREAD: Readonly<Record<string, (reply: ChatReply, leave: () => void) => unknown>> = {
  "is let go unread": (reply) => discard(reply),
  "is left in the middle": async ({ chunks }) => {
    for await (const _ of chunks) break;
  },
  "is left while its caller goes": async ({ chunks }, leave) => {
    leave();
    await chunks[Symbol.asyncIterator]().return?.();
  },
  "is never read, and its caller goes": (_reply, leave) => leave(),
};

for (const [how, end] of Object.entries(UNREAD)) {
  for (const limits of [{ totalMs: 1000, firstTokenMs: 1000 }, { idleMs: 1000 }]) {
    test(`a reply that ${how} leaves nothing behind of ${Object.keys(limits).join(" and ")}`, async () => {
      const { clock, handler, pipeline, request, leave, listening } = setUp(limits, [chunksOf("a", "b")], {
        stream: true,
      });
      await end(await pipeline(request), leave);
      await clock.advance(0);
      assert.deepEqual([clock.waiting, listening(), handler.open], [0, 0, 0]);
      assert.ok(handler.requests[0]?.call.signal.aborted);
    });
  }
}

test("a reply that nobody reads is ended by the total, and the reader that comes then is told", async () => {
  const { clock, handler, pipeline, request } = setUp({ totalMs: 100, idleMs: 50 }, [chunksOf("a")], { stream: true });
  const reply = await pipeline(request);
  await clock.advance(100);
  assert.equal(handler.open, 0);
  assert.equal((await failureOf(collect(reply))).code, "llm.timeout.total");
  assert.equal(clock.waiting, 0);
});

test("what is ready stays ready", async () => {
  const { pipeline, request } = setUp(ALL, [async () => readyIn([chunksOf("a", "b")]).reply], { stream: true });
  const iterator = (await pipeline(request)).chunks[Symbol.asyncIterator]();
  const ready: unknown[] = [];
  assert.ok("ready" in iterator && typeof iterator.ready === "function");
  for (let chunk = iterator.ready(); chunk; chunk = iterator.ready()) ready.push(chunk.choices[0]?.delta.content);
  assert.deepEqual(ready, ["", "a", "b", undefined]);
});

const ASKED: Readonly<Record<string, number>> = { "40": 40, "100": 100, "101": 100, "999999999": 100 };
const NO_NUMBER = ["", "0", "-1", "abc", "1e1", "10.5", "0x10", " 10", "9999999999"];

test("a caller may ask for less than the total, and for nothing else", async () => {
  for (const [header, expected] of Object.entries({
    ...ASKED,
    ...Object.fromEntries(NO_NUMBER.map((text) => [text, 100])),
  })) {
    assert.deepEqual(
      await timeOf({ totalMs: 100 }, {}, { "x-gateway-timeout-ms": header }),
      [expected, "llm.timeout.total"],
      header,
    );
  }
  assert.deepEqual(await timeOf({ completionMs: 100 }, {}, { "x-gateway-timeout-ms": "40" }), [
    100,
    "llm.timeout.first_token",
  ]);
});

test("the time that an SDK waits, in seconds, is a limit of the call", async () => {
  const limits = { totalMs: 10_000 };
  for (const stream of [false, true]) {
    for (const [header, expected] of Object.entries({ "2": 2000, "10": 10_000, "600": 10_000, "999999999": 10_000 })) {
      assert.deepEqual(
        await timeOf(limits, { stream }, { "x-stainless-timeout": header }),
        [expected, "llm.timeout.total"],
        header,
      );
    }
    for (const header of NO_NUMBER.filter((text) => text !== "9999999999")) {
      assert.deepEqual((await timeOf(limits, { stream }, { "x-stainless-timeout": header }))[0], 10_000, header);
    }
  }
});

test("of the time that an SDK waits, the total and a limit on the answer the shortest holds", async () => {
  const limits = { totalMs: 10_000, completionMs: 3000 };
  const sdk = { "x-stainless-timeout": "2" };
  assert.deepEqual(await timeOf(limits, {}, sdk), [2000, "llm.timeout.total"]);
  assert.deepEqual(await timeOf(limits, {}, { "x-stainless-timeout": "4" }), [3000, "llm.timeout.first_token"]);
  assert.deepEqual(await timeOf(limits, {}, { ...sdk, "x-gateway-timeout-ms": "1500" }), [1500, "llm.timeout.total"]);
});

test("the time that an SDK waits is no limit of one try", async () => {
  const limits = { completionMs: 5000, firstTokenMs: 5000, idleMs: 5000 };
  for (const stream of [false, true]) {
    assert.deepEqual(await timeOf(limits, { stream }, { "x-stainless-timeout": "2" }), [
      5000,
      "llm.timeout.first_token",
    ]);
  }
});

test("the time that an SDK waits ends with the first visible chunk of a stream", async () => {
  const { clock, pipeline, request } = setUp(
    { totalMs: 10_000 },
    [dripping(900, "a", "b", "c")],
    { stream: true },
    { headers: { "x-stainless-timeout": "1" } },
  );
  const reading = read(pipeline(request));
  await clock.advance(10_000);
  assert.deepEqual([(await reading).text, (await reading).error], ["abc", undefined]);
});

test("what is below knows until when the call must be over, and nobody else does", async () => {
  const seen = async (limits: TimeoutLimits, body = {}, headers = {}, outer?: number): Promise<number | undefined> => {
    const { clock, handler, pipeline, request } = setUp(limits, ["Hello"], body, { headers });
    if (outer !== undefined) request.call.context.set(deadline, outer);
    await clock.advance(1000);
    await textOf(pipeline(request));
    assert.equal(request.call.context.get(deadline), outer ?? Number.POSITIVE_INFINITY);
    return handler.requests[0]?.call.context.get(deadline);
  };
  assert.equal(await seen({ totalMs: 500 }), 1500);
  assert.equal(await seen({ totalMs: 500 }, {}, { "x-gateway-timeout-ms": "200" }), 1200);
  assert.equal(await seen({ totalMs: 5000 }, {}, { "x-stainless-timeout": "2" }), 3000);
  assert.equal(await seen({ totalMs: 5000 }, { stream: true }, { "x-stainless-timeout": "2" }), 3000);
  assert.equal(await seen({ totalMs: 500 }, {}, {}, 1400), 1400);
  assert.equal(await seen({ totalMs: 500 }, {}, {}, 1600), 1500);
  // The limits of one try leave time for another.
  assert.equal(await seen({ completionMs: 500, idleMs: 500 }), Number.POSITIVE_INFINITY);
});

test("all other values of the call are shared with what is below", async () => {
  const key = contextKey("a value", "none");
  const { pipeline, request } = setUp(ALL, [
    async ({ call: { context } }) => {
      context.set(key, "from below");
      return textReply("x");
    },
  ]);
  await textOf(pipeline(request));
  assert.equal(request.call.context.get(key), "from below");
});

test("a target that was silent is not asked again, and the next one is asked in its place", async () => {
  const clock = fakeClock();
  const handler = scripted(deaf, "from the next");
  const layers = [fallback({ models: { a: ["b"] }, clock }), retry({ clock }), timeout({ completionMs: 100, clock })];
  const replying = compose(layers, handler)(chat({ model: "a" }));
  await clock.advance(100);
  assert.equal(await textOf(replying), "from the next");
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["a", "b"],
  );
  assert.equal(clock.waiting, 0);
});

test("of each kind of work a slow try leaves time for another", () => {
  for (const { call, attempt } of Object.values(timeouts)) {
    assert.ok(2 * attempt.completionMs < call.totalMs);
    assert.ok(2 * attempt.firstTokenMs < call.totalMs);
    timeout({ ...call, ...attempt });
  }
});

test("limits that cannot be used are refused by name", () => {
  for (const name of ["totalMs", "firstTokenMs", "completionMs", "idleMs"]) {
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      assert.throws(() => timeout({ [name]: ms }), { name: "TypeError", message: RegExp(`^timeout: ${name} `) });
    }
    timeout({ [name]: 2 ** 31 - 1 });
  }
});

test("a timeout without any limit is refused", () => {
  for (const options of [{}, { clock: fakeClock() }]) {
    assert.throws(() => timeout(options), { name: "TypeError", message: /^timeout: .*totalMs/ });
  }
});

const ALL: TimeoutLimits = { totalMs: 1000, firstTokenMs: 1000, completionMs: 1000, idleMs: 1000 };
const LEFT = new GatewayError("llm.canceled", "left");

/** A handler that needs the clock of its test. */
interface Timed {
  readonly make: (clock: FakeClock) => Handler;
}

const deaf: Handler = () => new Promise(() => {});

/** A handler that listens to its signal while it takes its time. */
function after(ms: number, text: string): Timed {
  return {
    make: (clock) => async (request) => {
      await pause(ms, clock, request.call.signal);
      return textReply(text);
    },
  };
}

/** A handler that takes its time, whatever its signal says. */
function deafFor(ms: number, outcome: Outcome): Timed {
  return {
    make: (clock) => async (request) => {
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      return scripted(outcome)(request);
    },
  };
}

/** A stream with so much time before each of its pieces. */
function dripping(ms: number, ...pieces: readonly string[]): Timed {
  return {
    make:
      (clock) =>
      async ({ call: { signal } }) => ({
        headers: {},
        chunks: (async function* () {
          for (const chunk of chunksOf(...pieces).slice(1)) {
            if (chunk.choices[0]?.delta.content) await pause(ms, clock, signal);
            yield chunk;
          }
        })(),
      }),
  };
}

function setUp(
  limits: TimeoutLimits,
  outcomes: readonly (Outcome | Timed)[],
  body: Partial<ChatBody> = {},
  known: Partial<Call> = {},
) {
  const clock = fakeClock();
  const stop = new AbortController();
  const handler = scripted(...outcomes.map((outcome) => (isTimed(outcome) ? outcome.make(clock) : outcome)));
  const request: ChatRequest = chat(body, { signal: stop.signal, ...known });
  return {
    clock,
    handler,
    request,
    pipeline: compose([timeout({ ...limits, clock })], handler),
    leave: () => stop.abort(LEFT),
    listening: () => getEventListeners(stop.signal, "abort").length,
  };
}

function isTimed(outcome: Outcome | Timed): outcome is Timed {
  return typeof outcome === "object" && "make" in outcome;
}

/** After how many milliseconds a call that never ends is ended, and with what. */
async function timeOf(limits: TimeoutLimits, body: Partial<ChatBody>, headers: Record<string, string>) {
  const { clock, pipeline, request } = setUp(limits, [deaf], body, { headers });
  let at = Number.NaN;
  const failing = failureOf(pipeline(request)).finally(() => {
    at = clock.now();
  });
  await clock.advance(20_000);
  return [at, (await failing).code];
}

async function read(replying: Promise<ChatReply>): Promise<{ text: string; error: GatewayError | undefined }> {
  let text = "";
  try {
    for await (const chunk of (await replying).chunks) text += chunk.choices[0]?.delta.content ?? "";
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { text, error: thrown };
  }
  return { text, error: undefined };
}

function ended(promise: Promise<unknown>): () => boolean {
  let over = false;
  promise.finally(() => {
    over = true;
  });
  return () => over;
}
