import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { pause } from "../abort.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import type { ChatReply, ChatRequest, Handler } from "../index.ts";
import { discard, textReply } from "../reply.ts";
import { textOf } from "../testing/outcome.ts";
import { chat, chunksOf, type FakeClock, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type HedgeOptions, hedge } from "./hedge.ts";
import { retry } from "./retry.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const first = new GatewayError("llm.provider.server_error", "the first failed");
const second = new GatewayError("llm.provider.overloaded", "the second failed");

test("a call that is answered in time is asked once, and no timer is left", async () => {
  const { clock, handler, pipeline, request, nothingLeft } = setUp([answering(499, "Hello")]);
  const replying = pipeline(request);
  await clock.advance(499);
  assert.equal(clock.waiting, 0);
  assert.equal(await textOf(replying), "Hello");
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("a call that is slow is asked once more, and the answer that begins first wins", async () => {
  const { clock, handler, pipeline, request, nothingLeft } = setUp([answering(1000, "1"), answering(100, "2")]);
  const replying = pipeline(request);
  await clock.advance(499);
  assert.equal(handler.requests.length, 1);
  await clock.advance(1);
  assert.equal(handler.requests.length, 2);
  await clock.advance(100);
  assert.ok(handler.requests[0]?.call.signal.aborted);
  assert.equal(handler.requests[1]?.call.signal.aborted, false);
  assert.equal(await textOf(replying), "2");
  nothingLeft();
});

test("the first try wins where it answers first all the same", async () => {
  const { clock, handler, pipeline, request, nothingLeft } = setUp([answering(600, "1"), answering(500, "2")]);
  const replying = pipeline(request);
  await clock.advance(600);
  assert.ok(handler.requests[1]?.call.signal.aborted);
  assert.equal(handler.requests[0]?.call.signal.aborted, false);
  assert.equal(await textOf(replying), "1");
  nothingLeft();
});

test("the loser's answer is let go unread, though it ignores its signal", async () => {
  const { clock, handler, pipeline, request, nothingLeft } = setUp([
    (clock) => deafFor(2000, clock, chunksOf("1")),
    answering(100, "2"),
  ]);
  const replying = pipeline(request);
  await clock.advance(600);
  assert.equal(await textOf(replying), "2");
  await clock.advance(2000);
  assert.equal(handler.open, 0);
  nothingLeft();
});

test("of two answers that begin in the same moment one is given, and the other is let go", async () => {
  const gate = Promise.withResolvers<void>();
  const open: Handler = async () => {
    await gate.promise;
    return { headers: {}, chunks: played("whole") };
  };
  const { clock, handler, pipeline, request, nothingLeft } = setUp([() => open, () => open]);
  const replying = pipeline(request);
  await clock.advance(500);
  gate.resolve();
  const reply = await replying;
  await clock.advance(0);
  assert.equal(handler.open, 1);
  assert.equal(await textOf(reply), "whole");
  nothingLeft();
});

test("a try that fails while the other is under way is waited out", async () => {
  for (const outcomes of [
    [failing(600, first), answering(400, "Hello")],
    [answering(900, "Hello"), failing(100, second)],
  ] as const) {
    const { clock, pipeline, request, nothingLeft } = setUp(outcomes);
    const replying = pipeline(request);
    await clock.advance(900);
    assert.equal(await textOf(replying), "Hello");
    nothingLeft();
  }
});

test("where both tries fail, the failure that came first is thrown", async () => {
  for (const [firstAt, secondAfter, expected] of [
    [600, 400, first],
    [900, 100, second],
  ] as const) {
    const { clock, pipeline, request, nothingLeft } = setUp([failing(firstAt, first), failing(secondAfter, second)]);
    const { code, message } = expected;
    // A client that sent it once more would multiply the tries.
    const failed = assert.rejects(pipeline(request), { code, message, retryable: false });
    await clock.advance(1000);
    await failed;
    nothingLeft();
  }
});

test("where both tries fail, the caller may try again where it is told when", async () => {
  const told = first.with({ retryAfterMs: 5 });
  const { clock, pipeline, request } = setUp([failing(600, told), failing(400, second)]);
  const failed = assert.rejects(pipeline(request), (thrown) => thrown === told);
  await clock.advance(1000);
  await failed;
});

test("a failure that comes before there was a second try is thrown at once", async () => {
  const thrower = (): Handler => () => {
    throw first;
  };
  for (const outcome of [() => first, thrower]) {
    const { clock, handler, pipeline, request, nothingLeft } = setUp([outcome]);
    await assert.rejects(pipeline(request), (thrown) => thrown === first);
    await clock.advance(1000);
    assert.equal(handler.requests.length, 1);
    nothingLeft();
  }
});

test("a failure in the middle of the answer that won is its reader's", async () => {
  const { clock, handler, pipeline, request, nothingLeft } = setUp([() => [...chunksOf("a").slice(0, 2), first]]);
  const failed = assert.rejects(collect(await pipeline(request)), { code: first.code, phase: "during" });
  await clock.advance(1000);
  await failed;
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("a caller who leaves ends every try at once, for its own reason", async () => {
  const never = (): Handler => () => new Promise(() => {});
  const { clock, handler, pipeline, request, leave, nothingLeft } = setUp([never, never]);
  const failed = assert.rejects(pipeline(request), (thrown) => thrown === LEFT);
  await clock.advance(500);
  leave();
  await failed;
  assert.equal(handler.requests.length, 2);
  for (const { call } of handler.requests) assert.equal(call.signal.reason, LEFT);
  nothingLeft();
});

test("a caller who leaves before there was a second try is not asked for again", async () => {
  const never = (): Handler => () => new Promise(() => {});
  const { clock, handler, pipeline, request, leave, nothingLeft } = setUp([never, never]);
  const failed = assert.rejects(pipeline(request), (thrown) => thrown === LEFT);
  await clock.advance(100);
  leave();
  await failed;
  await clock.advance(1000);
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

const ENDS: Readonly<Record<string, (reply: ChatReply, leave: () => void) => unknown>> = {
  "is let go unread": (reply) => discard(reply),
  "is left in the middle": async ({ chunks }) => {
    for await (const _ of chunks) break;
  },
  "is never read, and its caller goes": (_reply, leave) => leave(),
};

for (const [how, end] of Object.entries(ENDS)) {
  test(`an answer that won and ${how} leaves nothing behind`, async () => {
    const slow = answering(1000, "1");
    const { clock, handler, pipeline, request, leave, nothingLeft } = setUp([slow, () => chunksOf("a", "b")]);
    const replying = pipeline(request);
    await clock.advance(500);
    await end(await replying, leave);
    await clock.advance(0);
    for (const { call } of handler.requests) assert.ok(call.signal.aborted);
    nothingLeft();
  });
}

test("what the second try asks may be another model", async () => {
  const { clock, handler, pipeline, request } = setUp([answering(1000, "1"), () => "2"], {
    second: (asked) => ({ ...asked, model: "other" }),
  });
  const replying = pipeline(request);
  await clock.advance(500);
  assert.equal(await textOf(replying), "2");
  assert.deepEqual(
    handler.requests.map(({ model }) => model),
    ["test-model", "other"],
  );
});

test("a second try that cannot be made is none, and the first is waited for", async () => {
  const { clock, pipeline, request, nothingLeft } = setUp([answering(1000, "1")], {
    second: () => {
      throw new Error("a defect");
    },
  });
  const replying = pipeline(request);
  await clock.advance(1000);
  assert.equal(await textOf(replying), "1");
  nothingLeft();
});

test("no second try is begun at or after the deadline", async () => {
  for (const [at, tries] of [
    [500, 1],
    [501, 2],
  ] as const) {
    const { clock, handler, pipeline, request } = setUp([answering(1000, "1"), answering(1000, "2")]);
    request.call.context.set(deadline, at);
    const replying = pipeline(request);
    await clock.advance(1500);
    assert.equal(await textOf(replying), "1");
    assert.equal(handler.requests.length, tries);
  }
});

test("a call has no more tries than allowed, those of retries included", async () => {
  const one = setUp([answering(1000, "1")], { maxAttempts: 1 });
  const replying = one.pipeline(one.request);
  await one.clock.advance(1000);
  assert.equal(await textOf(replying), "1");
  one.nothingLeft();

  const clock = fakeClock();
  const handler = scripted(...[700, 700, 700].map((ms) => failing(ms, first)(clock)));
  const layers = [retry({ maxAttempts: 2, clock, random: () => 0 }), hedge({ afterMs: 500, maxAttempts: 2, clock })];
  const failed = assert.rejects(compose(layers, handler)(chat()), { code: first.code });
  await clock.advance(10_000);
  await failed;
  assert.equal(handler.requests.length, 2);
  assert.equal(clock.waiting, 0);
});

test("second tries are a share of a model's recent calls, and each model has its own", async () => {
  const clock = fakeClock();
  const layer = hedge({ afterMs: 100, clock, budget: { share: 0.5, perSecond: 0 } });
  const tries = async (model: string): Promise<number> => {
    const handler = scripted(...Array.from({ length: 2 }, () => answering(200, "x")(clock)));
    const replying = compose([layer], handler)(chat({ model }));
    await clock.advance(200);
    await textOf(replying);
    assert.equal(clock.waiting, 0);
    return handler.requests.length;
  };
  const counts: number[] = [];
  for (let call = 0; call < 6; call++) counts.push(await tries("a"));
  assert.deepEqual(counts, [1, 2, 1, 2, 1, 2]);
  assert.deepEqual([await tries("b"), await tries("b")], [1, 2]);
});

test("without a budget of one's own, second tries are a tenth of many calls", async () => {
  const clock = fakeClock();
  const layer = hedge({ afterMs: 100, clock });
  let asked = 0;
  const slow: Handler = async (request) => {
    asked++;
    await pause(200, clock, request.call.signal);
    return textReply("x");
  };
  const calls = Array.from({ length: 1000 }, async () => textOf(compose([layer], slow)(chat())));
  await clock.advance(200);
  await Promise.all(calls);
  // A tenth of them, and one a second of the ten that are looked at.
  assert.equal(asked, 1000 + 100 + 10);
  assert.equal(clock.waiting, 0);
});

const BAD: Readonly<Record<string, HedgeOptions>> = {
  afterMs: { afterMs: -1 },
  maxAttempts: { afterMs: 1, maxAttempts: 0 },
  "budget.share": { afterMs: 1, budget: { share: 2 } },
  "budget.perSecond": { afterMs: 1, budget: { perSecond: -1 } },
};

for (const [name, options] of Object.entries(BAD)) {
  test(`a ${name} that cannot be used is refused by name`, () => {
    assert.throws(
      () => hedge(options),
      (error) => error instanceof TypeError && error.message.startsWith(`hedge: ${name} `),
    );
  });
}

type Timed = (clock: FakeClock) => Outcome;

/** A handler that takes its time, and listens to its signal. */
function answering(ms: number, text: string): (clock: FakeClock) => Handler {
  return (clock) => async (request) => {
    await pause(ms, clock, request.call.signal);
    return textReply(text);
  };
}

function failing(ms: number, error: GatewayError): (clock: FakeClock) => Handler {
  return (clock) => async (request) => {
    await pause(ms, clock, request.call.signal);
    throw error;
  };
}

/** A handler that takes its time, whatever its signal says. */
function deafFor(ms: number, clock: FakeClock, outcome: Outcome): Handler {
  return async (request) => {
    await new Promise<void>((resolve) => clock.after(ms, resolve));
    return scripted(outcome)(request);
  };
}

async function* played(text: string) {
  yield* chunksOf(text);
}

function setUp(outcomes: readonly Timed[], options: Partial<HedgeOptions> = {}) {
  const clock = fakeClock();
  const stop = new AbortController();
  const handler = scripted(...outcomes.map((outcome) => outcome(clock)));
  const request: ChatRequest = chat("Hi", { signal: stop.signal });
  return {
    clock,
    handler,
    request,
    pipeline: compose([hedge({ afterMs: 500, clock, ...options })], handler),
    leave: () => stop.abort(LEFT),
    nothingLeft: () =>
      assert.deepEqual([clock.waiting, getEventListeners(stop.signal, "abort").length, handler.open], [0, 0, 0]),
  };
}
