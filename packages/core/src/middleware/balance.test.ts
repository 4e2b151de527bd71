import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "../codes.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import type { ChatReply, ChatRequest, Handler } from "../index.ts";
import { discard, textReply } from "../reply.ts";
import { failureOf, OUTAGES, textOf } from "../testing/outcome.ts";
import { chat, chunksOf, type FakeClock, fakeClock, type Outcome, scripted } from "../testing.ts";
import { spareTargets } from "../tries.ts";
import { type BalanceOptions, type BalanceTarget, balance } from "./balance.ts";
import { fallback } from "./fallback.ts";
import { retry } from "./retry.ts";

const down = new GatewayError("llm.provider.server_error", "down.");
const badKey = new GatewayError("llm.provider.auth", "not accepted.");
const noQuota = new GatewayError("llm.provider.quota_exhausted", "spent.");
const limited = new GatewayError("llm.provider.rate_limited", "slow down.");

test("calls go where the fewest are in flight", async () => {
  const { ask, asked } = setUp(3);
  for (let call = 0; call < 6; call++) await ask();
  assert.equal(asked(), "012012");
});

test("a target of twice the weight holds twice the calls", async () => {
  const { ask, asked } = setUp(2, {}, [1, 2]);
  for (let call = 0; call < 9; call++) await ask();
  assert.deepEqual(counted(asked()), { 0: 3, 1: 6 });
});

test("among equals chance decides", async () => {
  for (const [share, target] of [
    [0, "0"],
    [0.5, "1"],
    [0.999, "2"],
  ] as const) {
    const { ask, asked } = setUp(3, { random: () => share });
    await ask();
    assert.equal(asked(), target);
  }
});

test("by weight, each target is asked as often as its weight says, however busy it is", async () => {
  let draw = 0;
  const { ask, asked } = setUp(3, { choose: "weighted", random: () => (draw++ % 100) / 100 }, [1, 0.5, 3.5]);
  for (let call = 0; call < 100; call++) await ask();
  assert.deepEqual(counted(asked()), { 0: 20, 1: 10, 2: 70 });
});

test("whatever chance says, some target is asked", async () => {
  const { ask, asked } = setUp(3, { choose: "weighted", random: () => 1 }, [0.1, 0.2, 0.3]);
  await ask();
  assert.equal(asked(), "2");
});

/** Ways in which a call may end. */
const ENDS: Readonly<Record<string, (reply: ChatReply, call: AbortController) => Promise<unknown>>> = {
  "is read to its end": (reply) => collect(reply),
  "is left in the middle": async ({ chunks }) => {
    for await (const _ of chunks) break;
  },
  "is discarded unread": (reply) => discard(reply),
  "is never read, and its call ends": async (_, call) => call.abort(),
  "ends twice": async (reply, call) => {
    await collect(reply);
    await discard(reply);
    call.abort();
  },
};

for (const [how, end] of Object.entries(ENDS)) {
  test(`a call is in flight until its reply ${how}, and counts once`, async () => {
    const { ask, asked } = setUp(2);
    const call = new AbortController();
    const reply = await ask(chat("Hi", { signal: call.signal }));
    await ask();
    await end(reply, call);
    // The first target is free again, then both are equal, then not.
    for (let more = 0; more < 3; more++) await ask();
    assert.equal(asked(), "01001");
  });
}

test("a call that fails is in flight no more, before its answer and in the middle of it", async () => {
  const cut = [...chunksOf("half").slice(0, 2), new GatewayError("llm.provider.rejected", "no.")];
  for (const outcome of [new GatewayError("llm.request.invalid", "no."), cut]) {
    const { ask, asked } = setUp(2, {}, [1, 1], () => outcome);
    await ask()
      .then(collect)
      .catch(() => {});
    await ask()
      .then(collect)
      .catch(() => {});
    assert.equal(asked(), "00");
  }
});

for (const error of [badKey, noQuota, limited, limited.with({ retryAfterMs: 60_000 })]) {
  test(`after ${error.code} every other key is asked in turn, without waiting`, async () => {
    const { ask, asked, clock } = setUp(6, {}, Array(6).fill(1), (target) => (target < 5 ? error : "x"));
    const request = chat();
    assert.equal(await textOf(ask(request)), "x");
    assert.equal(asked(), "012345");
    assert.deepEqual([clock.now(), clock.waiting], [0, 0]);
  });
}

test("keys that are passed over cost a call none of its tries", async () => {
  const outcomes = [badKey, noQuota, limited, down, down, "x"];
  const { ask, asked } = setUp(6, {}, Array(6).fill(1), (target) => outcomes[target] ?? "x");
  assert.equal(await textOf(ask()), "x");
  assert.equal(asked(), "012345");
});

test("after other failures a call goes on as far as its tries allow, and the first failure is told", async () => {
  const errors = ["first.", "second.", "third."].map((why) => new GatewayError("llm.provider.server_error", why));
  const { ask, asked } = setUp(5, {}, Array(5).fill(1), (target) => errors[target] ?? "x");
  const told = await failureOf(ask());
  assert.deepEqual([told.code, told.message, told.retryable], ["llm.provider.server_error", "first.", false]);
  assert.equal(asked(), "012");
  const more = setUp(5, { maxAttempts: 9 }, Array(5).fill(1), (target) => errors[target] ?? "x");
  assert.equal(await textOf(more.ask()), "x");
});

test("the tries of targets, retries and fallbacks are counted together", async () => {
  const clock = fakeClock();
  let calls = 0;
  const fails: Handler = async () => {
    calls++;
    throw down;
  };
  const layers = [fallback({ models: { "*": ["b", "c"] }, clock }), retry({ clock })];
  const failing = failureOf(compose(layers, balance([fails, fails, fails, fails], { clock }))(chat()));
  await clock.advance(100_000);
  await failing;
  assert.equal(calls, 3);
});

test("a failure that no target cures is told at once, and is nothing against its target", async () => {
  const refused = new GatewayError("llm.provider.rejected", "content.");
  const { ask, asked } = setUp(2, {}, [1, 1], () => refused);
  for (let call = 0; call < 3; call++) assert.equal(await failureOf(ask()), refused);
  assert.equal(asked(), "000");
});

/** After these another target is asked; every other failure is told at once. */
const MOVES: ReadonlySet<string> = new Set<Code>([
  "llm.provider.auth",
  "llm.provider.quota_exhausted",
  "llm.provider.rate_limited",
  ...OUTAGES,
  "llm.provider.circuit_open",
  "llm.overloaded",
  "llm.rate_limit.requests",
  "llm.rate_limit.tokens",
  "llm.rate_limit.concurrency",
  "llm.model.not_found",
]);

for (const name of Object.keys(codes)) {
  // The table's own keys are its codes.
  const code = name as Code;
  test(`after ${code} ${MOVES.has(code) ? "the" : "no"} other target is asked`, async () => {
    // A provider says that a context is too long.
    const error = new GatewayError(code, "why", code === "llm.request.context_length" ? { origin: "upstream" } : {});
    const { ask, asked } = setUp(2, {}, [1, 1], (target) => (target === 0 ? error : "x"));
    if (MOVES.has(code)) assert.equal(await textOf(ask()), "x");
    else assert.equal(await failureOf(ask()), error);
    assert.equal(asked(), MOVES.has(code) ? "01" : "0");
  });
}

test("an answer that is the same the next time is no outage: no other target is asked, and none is left alone", async () => {
  const lasting = new GatewayError("llm.provider.bad_response", "a redirect.", {
    retryable: false,
    remedy: "fallback",
  });
  const { ask, asked } = setUp(2, {}, [1, 1], () => lasting);
  for (let call = 0; call < 2; call++) assert.equal(await failureOf(ask()), lasting);
  assert.equal(asked(), "00");
});

test("where a later target fails with what no other cures, the first failure is told", async () => {
  const refused = new GatewayError("llm.provider.rejected", "content.");
  const long = new GatewayError("llm.request.context_length", "long.", { origin: "upstream" });
  for (const [first, later] of [
    [down, refused],
    [down, long],
    [limited, refused],
  ] as const) {
    const { ask, asked } = setUp(3, {}, [1, 1, 1], (target) => (target === 0 ? first : later));
    const { code, message, retryable } = await failureOf(ask());
    assert.deepEqual([code, message, retryable], [first.code, first.message, false]);
    assert.equal(asked(), "01");
  }
});

test("after tries in vain the caller may try again where it is told when", async () => {
  const { ask } = setUp(2, {}, [1, 1], () => down.with({ retryAfterMs: 5 }));
  const { retryable, retryAfterMs } = await failureOf(ask());
  assert.deepEqual([retryable, retryAfterMs], [true, 5]);
});

test("the outermost layer decides how many tries a call has", async () => {
  for (const [most, asked] of [
    [2, 2],
    [5, 5],
  ] as const) {
    const set = setUp(6, { maxAttempts: 3 }, Array(6).fill(1), () => down);
    const failing = failureOf(
      compose([retry({ retries: 0, maxAttempts: most, clock: set.clock })], set.handler)(chat()),
    );
    await set.clock.advance(10_000);
    await failing;
    assert.equal(set.asked().length, asked);
  }
});

test("of a thousand calls that all fail, no more than a fifth moves on, but for a few", async () => {
  const { ask, asked } = setUp(2, {}, [1, 1], () => down);
  await Promise.all(Array.from({ length: 1000 }, () => failureOf(ask())));
  // A fifth of them, and two a second of the ten that are looked at.
  assert.equal(asked().length, 1000 + 200 + 20);
});

test("in a storm that lasts, retries and other targets together stay at a fifth of the calls and ten a second", async () => {
  const { clock, handler, asked } = setUp(2, {}, [1, 1], () => down);
  const pipeline = compose([retry({ clock })], handler);
  const calls: Promise<unknown>[] = [];
  for (let tick = 0; tick < 300; tick++) {
    for (let each = 0; each < 20; each++) calls.push(failureOf(pipeline(chat())));
    await clock.advance(100);
  }
  await clock.advance(100_000);
  await Promise.all(calls);
  assert.ok(asked().length <= 6000 * 1.2 + 10 * 30, String(asked().length));
  assert.ok(asked().length >= 6000 * 1.15, String(asked().length));
});

test("another key, and another target after a refusal of the gateway's own, are paid from no budget", async () => {
  for (const error of [limited, new GatewayError("llm.provider.circuit_open", "open.")]) {
    const { clock, handler, asked } = setUp(2, {}, [1, 1], (target) => (target === 0 ? error : "x"));
    const pipeline = compose([retry({ budget: { share: 0, perSecond: 0 }, clock })], handler);
    assert.equal(await textOf(pipeline(chat())), "x");
    assert.equal(asked(), "01");
  }
});

/** How long a target is left alone after a failure, in milliseconds, where nothing else is configured. */
const COOL: Readonly<Record<string, readonly [error: GatewayError, ms: number]>> = {
  "a key that is not accepted": [badKey, 60_000],
  "a quota that is spent": [noQuota, 600_000],
  "a quota that is spent for long": [noQuota.with({ retryAfterMs: 3_600_000 }), 600_000],
  "a limit on calls for longer than is believed": [limited.with({ retryAfterMs: 3_600_000 }), 600_000],
  "a quota that is said to be back soon": [noQuota.with({ retryAfterMs: 1000 }), 600_000],
  "a limit on calls": [limited, 5000],
  "a limit on calls with a time": [limited.with({ retryAfterMs: 2000 }), 2000],
  "a failure": [down, 5000],
  "a failure with a time": [down.with({ retryAfterMs: 9000 }), 9000],
  "a target that cannot be reached": [new GatewayError("llm.provider.unreachable", "no."), 5000],
  silence: [new GatewayError("llm.timeout.first_token", "silent."), 5000],
  "a model that it does not have": [new GatewayError("llm.model.not_found", "none."), 0],
};

for (const [what, [error, ms]] of Object.entries(COOL)) {
  test(`after ${what} a target is left alone for ${ms} ms by all calls`, async () => {
    let ill = true;
    const { read, asked, clock } = setUp(2, {}, [1, 1], (target) => (target === 0 && ill ? error : "x"));
    await read();
    assert.equal(asked(), "01");
    ill = false;
    await clock.advance(Math.max(0, ms - 1));
    await read();
    assert.equal(asked(), ms === 0 ? "010" : "011");
    await clock.advance(1);
    await read();
    assert.equal(asked().at(-1), "0");
  });
}

test("how long a target is left alone may be chosen", async () => {
  const options = { keyCoolDownMs: 10, quotaCoolDownMs: 20, coolDownMs: 30 };
  for (const [error, ms] of [
    [badKey, 10],
    [noQuota, 20],
    [limited, 30],
    [down, 30],
  ] as const) {
    let ill = true;
    const { read, asked, clock } = setUp(2, options, [1, 1], (target) => (target === 0 && ill ? error : "x"));
    await read();
    ill = false;
    await clock.advance(ms - 1);
    await read();
    await clock.advance(1);
    await read();
    assert.equal(asked(), "0110", error.code);
  }
});

test("a reply that breaks off counts against its target", async () => {
  const cut = [...chunksOf("half").slice(0, 2), new GatewayError("llm.stream.interrupted", "cut.")];
  const { ask, read, asked } = setUp(2, {}, [1, 1], (target) => (target === 0 ? cut : "x"));
  await failureOf(ask().then(collect));
  await read();
  assert.equal(asked(), "01");
});

test("a caller who leaves is nothing against a target", async () => {
  const { ask, read, asked } = setUp(2);
  const call = new AbortController();
  await ask(chat("Hi", { signal: call.signal }));
  call.abort();
  await read();
  assert.equal(asked(), "00");
});

test("where no key is left, the caller is told so, and when the first is back", async () => {
  const errors = [limited.with({ retryAfterMs: 9000 }), limited.with({ retryAfterMs: 4000 }), badKey];
  const { ask, asked, clock } = setUp(3, {}, [1, 1, 1], (target) => errors[target] ?? "x");
  const first = await failureOf(ask());
  assert.deepEqual([first.code, first.retryAfterMs, first.remedy], [limited.code, 4000, "retry"]);
  assert.match(first.message, /3 targets.*limited/);
  await clock.advance(1500);
  const later = await failureOf(ask());
  assert.deepEqual([later.code, later.retryAfterMs], [limited.code, 2500]);
  assert.equal(asked(), "012", "nothing is asked that is known to refuse");
});

test("what a provider said to one caller is not told to another", async () => {
  const said = new GatewayError("llm.provider.rate_limited", "Limit reached for secret-of-a.", {
    issues: [{ path: "secret-of-a", message: "no" }],
    headers: { "x-of-a": "secret" },
  });
  const { ask } = setUp(2, {}, [1, 1], () => said);
  for (let call = 0; call < 2; call++) assert.doesNotMatch(JSON.stringify(await failureOf(ask())), /secret/);
  const { message } = await failureOf(ask());
  assert.doesNotMatch(message, /secret/);
});

test("where every key is refused for long, the caller is told why, and not to come back soon", async () => {
  for (const error of [badKey, noQuota]) {
    const { ask, asked } = setUp(2, {}, [1, 1], () => error);
    for (let call = 0; call < 2; call++) {
      const told = await failureOf(ask());
      assert.deepEqual([told.code, told.status, told.retryable], [error.code, error.status, false]);
      assert.match(told.message, /2 targets/);
    }
    assert.equal(asked(), "01");
  }
});

test("a retry around limited keys waits until the first is back, and no longer", async () => {
  let ill = true;
  const { handler, asked, clock } = setUp(2, {}, [1, 1], () => (ill ? limited.with({ retryAfterMs: 3000 }) : "x"));
  const replying = compose([retry({ clock, random: () => 0 })], handler)(chat());
  await clock.advance(2999);
  ill = false;
  assert.equal(asked(), "01");
  await clock.advance(1);
  assert.equal(await textOf(replying), "x");
});

test("the only target's failure is told as it is", async () => {
  const { ask } = setUp(1, {}, [1], () => limited);
  assert.equal(await failureOf(ask()), limited);
});

test("where every target has just failed, they are asked all the same", async () => {
  let ill = true;
  const { ask, asked } = setUp(2, {}, [1, 1], () => (ill ? down : "x"));
  const { code, message, retryable } = await failureOf(ask());
  assert.deepEqual([code, message, retryable], [down.code, down.message, false]);
  assert.equal(asked(), "01");
  ill = false;
  assert.equal(await textOf(ask()), "x");
});

test("a target that has just failed is asked rather than a key that is refused", async () => {
  let ill = true;
  const { ask, asked } = setUp(2, {}, [1, 1], (target) => (target === 0 ? badKey : ill ? down : "x"));
  await failureOf(ask());
  ill = false;
  assert.equal(await textOf(ask()), "x");
  assert.equal(asked(), "011");
});

test("an answer ends the time for which a target is left alone", async () => {
  let ill = true;
  const { read, asked } = setUp(2, {}, [1, 1], () => (ill ? down : "x"));
  await failureOf(read());
  ill = false;
  for (let call = 0; call < 3; call++) await read();
  assert.equal(asked(), "01000");
});

test("a target that says when to come back is left alone until then, also where an earlier call is answered late", async () => {
  const late = Promise.withResolvers<void>();
  const answers: readonly Outcome[] = [
    () => late.promise.then(() => textReply("x")),
    limited.with({ retryAfterMs: 60_000 }),
  ];
  let call = 0;
  const { ask, read, asked } = setUp(2, { choose: "weighted" }, [1, 1], () => answers[call++] ?? "x");
  const slow = ask();
  await read();
  late.resolve();
  await collect(await slow);
  await read();
  assert.equal(asked(), "0011");
});

test("what a failure says of one model it does not say of another", async () => {
  for (const error of [badKey, noQuota, limited, down]) {
    const { ask, asked } = setUp(2, {}, [1, 1], (target, { model }) => (target === 0 && model === "a" ? error : "x"));
    for (const model of ["a", "b", "a"]) await collect(await ask(chat({ model })));
    assert.equal(asked(), "0101", error.code);
  }
});

test("a failure that comes late does not shorten the time for which a target is left alone, or change why", async () => {
  const late = Promise.withResolvers<never>();
  const answers: readonly Outcome[] = [() => late.promise, noQuota];
  let call = 0;
  let spent = false;
  const { ask, read, asked, clock } = setUp(2, { choose: "weighted" }, [1, 1], (target) => {
    if (target === 0) return answers[call++] ?? "x";
    return spent ? noQuota : "x";
  });
  const slow = ask();
  await read();
  late.reject(down);
  assert.equal(await textOf(slow), "x");
  assert.equal(asked(), "0011");
  await clock.advance(599_999);
  spent = true;
  const { code, message } = await failureOf(ask());
  assert.deepEqual([code, asked()], [noQuota.code, "00111"]);
  assert.match(message, /no quota left/);
  await clock.advance(1);
  await read();
  assert.equal(asked(), "001110");
});

test("what is below knows how many other targets may be asked", async () => {
  const spare: number[] = [];
  const { ask } = setUp(3, {}, [1, 1, 1], (target, request) => {
    spare.push(request.call.context.get(spareTargets));
    return target < 2 ? badKey : "x";
  });
  const request = chat();
  await ask(request);
  assert.deepEqual(spare, [2, 1, 0]);
  const below = chat();
  below.call.context.set(spareTargets, 2);
  await ask(below);
  assert.equal(spare.at(-1), 2, "two fallbacks, and no other key");
  assert.equal(request.call.context.get(spareTargets), 0);
});

test("once the caller has left, no other target is asked", async () => {
  for (const error of [down, badKey]) {
    const call = new AbortController();
    const { ask, asked } = setUp(2, {}, [1, 1], () => {
      call.abort();
      return error;
    });
    assert.equal((await failureOf(ask(chat("Hi", { signal: call.signal })))).code, "llm.canceled");
    assert.equal(asked(), "0");
  }
});

test("once the deadline has come, no other target is asked", async () => {
  const { ask, asked, clock } = setUp(2, {}, [1, 1], () => down);
  const request = chat();
  request.call.context.set(deadline, 10);
  await clock.advance(10);
  assert.equal(await failureOf(ask(request)), down);
  assert.equal(asked(), "0");
});

test("what is thrown that nobody knows is a defect, and no target's failure", async () => {
  const { ask, asked } = setUp(2, {}, [1, 1], () => new TypeError("a defect"));
  assert.equal((await failureOf(ask())).code, "llm.internal");
  assert.equal(asked(), "0");
});

const fine: Handler = async () => textReply("x");
const BAD: Readonly<
  Record<string, readonly (readonly [targets: readonly BalanceTarget[], options?: BalanceOptions])[]>
> = {
  targets: [[[]]],
  "targets[1]": [[[fine, { handler: undefined as unknown as Handler }]]], // As from plain JavaScript.
  "targets[1].weight": [0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((weight) => [
    [fine, { handler: fine, weight }],
  ]),
  choose: [[[fine], { choose: "fastest" as "weighted" }]],
  keyCoolDownMs: [[[fine], { keyCoolDownMs: -1 }]],
  quotaCoolDownMs: [[[fine], { quotaCoolDownMs: Number.NaN }]],
  coolDownMs: [[[fine], { coolDownMs: Number.POSITIVE_INFINITY }]],
  maxAttempts: [
    [[fine], { maxAttempts: 0 }],
    [[fine], { maxAttempts: 1.5 }],
  ],
};

for (const [name, all] of Object.entries(BAD)) {
  test(`a balance whose ${name} cannot be used is refused at the start, by name`, () => {
    for (const [targets, options] of all) {
      assert.throws(
        () => balance(targets, options),
        (error) => error instanceof TypeError && error.message.startsWith(`balance: ${name} `),
        JSON.stringify(options),
      );
    }
  });
}

type Answers = (target: number, request: ChatRequest) => Outcome;

/** A balance over so many targets, of which each notes that it was asked; without chance the first of equals is. */
function setUp(
  count: number,
  options: BalanceOptions = {},
  weights: readonly number[] = Array<number>(count).fill(1),
  answers: Answers = () => "x",
): {
  clock: FakeClock;
  handler: Handler;
  ask: (request?: ChatRequest) => Promise<ChatReply>;
  read: () => Promise<unknown>;
  asked: () => string;
} {
  const clock = fakeClock();
  let asked = "";
  const targets = weights.slice(0, count).map((weight, target) => ({
    weight,
    handler: (async (request) => {
      asked += target;
      return scripted(answers(target, request))(request);
    }) satisfies Handler as Handler,
  }));
  const handler = balance(targets, { clock, random: () => 0, ...options });
  const ask = (request: ChatRequest = chat()): Promise<ChatReply> => handler(request);
  return { clock, handler, ask, read: async () => collect(await ask()), asked: () => asked };
}

function counted(asked: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const target of asked) counts[target] = (counts[target] ?? 0) + 1;
  return counts;
}
