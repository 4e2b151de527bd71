import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codes } from "../codes.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import type { ChatRequest, Handler } from "../index.ts";
import { failureOf, textOf } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, type Outcome, type Scripted, scripted } from "../testing.ts";
import { returnTry, spareTargets } from "../tries.ts";
import { type FallbackOptions, fallback } from "./fallback.ts";
import { retry } from "./retry.ts";

const down = new GatewayError("llm.provider.server_error", "down.");
const open = refusing(new GatewayError("llm.provider.circuit_open", "open."));

test("a call that succeeds is asked once, without the two fields", async () => {
  const { handler, pipeline } = setUp(["x"], { models: { a: ["b"] } });
  const { call, ...body } = chat({ model: "a", seed: 1 });
  const request = { ...body, call, fallbacks: [{ model: "c" }], fallback_config: { depth: 2 } };
  assert.equal(await textOf(pipeline(request)), "x");
  const [sent] = handler.requests;
  assert.deepEqual({ ...sent, call: undefined }, { ...body, call: undefined });
  assert.equal(handler.requests.length, 1);
});

const DEPTHS: Readonly<Record<string, readonly [config: unknown, asked: string]>> = {
  "nothing is said": [undefined, "a b"],
  "the depth is 0": [{ depth: 0 }, "a"],
  "the depth is 1": [{ depth: 1 }, "a b"],
  "the depth is 2": [{ depth: 2 }, "a b c"],
  "only retry is said": [{ retry: false }, "a b"],
};

for (const [when, [fallback_config, asked]] of Object.entries(DEPTHS)) {
  test(`of a caller's three fallbacks "${asked}" are walked where ${when}`, async () => {
    const { handler, pipeline } = setUp(Array<Outcome>(9).fill(down), { maxAttempts: 9 });
    const fallbacks = ["b", "c", "d"].map((model) => ({ model }));
    await failureOf(pipeline(chat({ model: "a", fallbacks, fallback_config })));
    assert.equal(modelsOf(handler), asked);
  });
}

test("a caller's fallback is asked with its own fields, without those it removes, and with all others", async () => {
  const { handler, pipeline } = setUp([down, "from b"]);
  const fallbacks = [{ model: "b", temperature: 1, remove_fields: ["seed"] }];
  const request = chat({ model: "a", temperature: 0, seed: 7, user: "u", fallbacks });
  assert.equal(await textOf(pipeline(request)), "from b");
  const { call, ...sent } = handler.requests[1] as ChatRequest; // Two were asked.
  assert.deepEqual(sent, { model: "b", messages: request.messages, temperature: 1, user: "u" });
  assert.equal(call.id, request.call.id);
});

test("fallbacks that cannot be used are refused before any call, also beyond the depth and where none is needed", async () => {
  const bodies = [
    { fallbacks: [{ model: "b" }, { model: "c" }, { temperature: 9 }] },
    { fallbacks: [{ model: "b" }], fallback_config: { depth: 3 } },
    { fallback_config: { depth: 3 } },
  ];
  for (const body of bodies) {
    const { handler, pipeline } = setUp([]);
    assert.equal((await failureOf(pipeline(chat(body)))).code, "llm.request.invalid");
    assert.equal(handler.requests.length, 0);
  }
});

const models = { a: ["b", "c"], none: [], "*": ["z"] };
const CHAINS: Readonly<Record<string, readonly [body: object, asked: string]>> = {
  "a model with a chain of its own": [{ model: "a" }, "a b c"],
  "a model with an empty chain": [{ model: "none" }, "none"],
  "any other model": [{ model: "x" }, "x z"],
  "a model that is called like a property": [{ model: "constructor" }, "constructor z"],
  "a caller with fallbacks of its own": [{ model: "a", fallbacks: [{ model: "d" }] }, "a d"],
  "a caller who wants none of its own": [
    { model: "a", fallbacks: [{ model: "d" }], fallback_config: { depth: 0 } },
    "a",
  ],
  "a caller whose depth is for its own": [{ model: "a", fallback_config: { depth: 0 } }, "a b c"],
};

for (const [what, [body, asked]] of Object.entries(CHAINS)) {
  test(`for ${what} "${asked}" are asked in turn`, async () => {
    const { handler, pipeline } = setUp(Array<Outcome>(9).fill(down), { models });
    await failureOf(pipeline(chat(body)));
    assert.equal(modelsOf(handler), asked);
  });
}

test("without a chain a failure is told as it is", async () => {
  const { handler, pipeline } = setUp([down]);
  assert.equal(await failureOf(pipeline(chat())), down);
  assert.equal(handler.requests.length, 1);
});

test("a configured target may set fields and remove them", async () => {
  const target = { model: "b", set: { temperature: 1, reasoning: "low" }, remove: ["seed", "user"] };
  const { handler, pipeline } = setUp([down, down, "x"], { models: { a: [target, "c"] } });
  const request = chat({ model: "a", temperature: 0, seed: 7, user: "u" });
  await pipeline(request);
  const [first, second, third] = handler.requests.map(({ call: _, ...body }) => body);
  const { messages } = request;
  assert.deepEqual(first, { model: "a", messages, temperature: 0, seed: 7, user: "u" });
  assert.deepEqual(second, { model: "b", messages, temperature: 1, reasoning: "low" });
  assert.deepEqual(third, { ...first, model: "c" });
});

test("a call makes as many tries as it is allowed, whatever the length of a chain", async () => {
  const chain = ["b", "c", "d", "e", "f"];
  const asked = async (options: FallbackOptions): Promise<string> => {
    const { handler, pipeline } = setUp(Array<Outcome>(9).fill(down), { models: { "*": chain }, ...options });
    await failureOf(pipeline(chat({ model: "a" })));
    return modelsOf(handler);
  };
  assert.equal(await asked({}), "a b c");
  assert.equal(await asked({ maxAttempts: 1 }), "a");
  assert.equal(await asked({ maxAttempts: 9 }), "a b c d e f");
});

test("targets for which there was no try are named, and those that were tried before them", async () => {
  const told = async (maxAttempts: number): Promise<readonly unknown[]> => {
    const options = { models: { a: ["b", "c", "d"] }, maxAttempts };
    const { pipeline } = setUp(Array<Outcome>(9).fill(down), options);
    const { message, retryable } = await failureOf(pipeline(chat({ model: "a" })));
    return [message, retryable];
  };
  const late = "Not tried, as there was no try or time left:";
  const tried = (...others: readonly string[]): string =>
    `Tried as well: ${others.map((model) => `${model} (${down.code})`).join(", ")}.`;
  assert.deepEqual(await told(1), [`down. ${late} b, c, d.`, true]);
  assert.deepEqual(await told(2), [`down. ${tried("b")} ${late} c, d.`, false]);
  assert.deepEqual(await told(4), [`down. ${tried("b", "c", "d")}`, false]);
});

test("after tries in vain the caller may try again where it is told when", async () => {
  const { pipeline } = setUp([down.with({ retryAfterMs: 5 }), down], { models: { "*": ["b"] } });
  const { retryable, retryAfterMs } = await failureOf(pipeline(chat()));
  assert.deepEqual([retryable, retryAfterMs], [true, 5]);
});

test("a fallback to the same model is paid from a budget, and one to another is not", async () => {
  // A fifth of the calls, and two a second of the ten that are looked at.
  for (const [model, extra] of [
    ["a", 200 + 20],
    ["b", 1000],
  ] as const) {
    const { handler, pipeline } = setUp(Array<Outcome>(2000).fill(down), { clock: fakeClock() });
    const ask = () => failureOf(pipeline(chat({ model: "a", fallbacks: [{ model, temperature: 1 }] })));
    await Promise.all(Array.from({ length: 1000 }, ask));
    assert.equal(handler.requests.length, 1000 + extra);
  }
});

for (const [code, { remedy }] of Object.entries(codes)) {
  test(`after ${code} ${remedy === "none" ? "no" : "the"} other target is asked`, async () => {
    // The table's own keys are its codes.
    const error = new GatewayError(code as Code, "why");
    const { handler, pipeline } = setUp([error, "from b"], { models: { "*": ["b"] } });
    const replying = pipeline(chat());
    if (remedy === "none") assert.equal(await failureOf(replying), error);
    else assert.equal(await textOf(replying), "from b");
    assert.equal(handler.requests.length, remedy === "none" ? 1 : 2);
  });
}

test("an error's own word on its cure wins over what its code says", async () => {
  const missing = new GatewayError("llm.model.not_found", "why", { origin: "upstream", remedy: "fallback" });
  assert.equal(await textOf(setUp([missing, "b"], { models: { "*": ["b"] } }).pipeline(chat())), "b");
  const final = down.with({ remedy: "none" });
  assert.equal(await failureOf(setUp([final], { models: { "*": ["b"] } }).pipeline(chat())), final);
});

test("a refusal of the content by a later target ends the walk", async () => {
  const refused = new GatewayError("llm.provider.rejected", "content.");
  const { handler, pipeline } = setUp([down, refused], { models: { a: ["b", "c"] } });
  const error = await failureOf(pipeline(chat({ model: "a" })));
  assert.equal(modelsOf(handler), "a b");
  assert.equal(error.code, down.code);
  assert.match(error.message, /^down\. .*b \(llm\.provider\.rejected\)/);
});

test("where all fail the first provider's error is told in full, with what else was tried", async () => {
  const cause = new Error("underneath");
  const first = new GatewayError("llm.provider.rate_limited", "slow down.", {
    status: 429,
    retryAfterMs: 7,
    retryable: false,
    issues: [{ path: "model", message: "no" }],
    headers: { "x-a": "1" },
    cause,
  });
  const { pipeline } = setUp([first, down, new GatewayError("llm.timeout.first_token", "silent.")], { models });
  const error = await failureOf(pipeline(chat({ model: "a" })));
  assert.deepEqual({ ...error }, { ...first });
  assert.equal(error.cause, cause);
  assert.equal(error.message, "slow down. Tried as well: b (llm.provider.server_error), c (llm.timeout.first_token).");
});

test("a provider's error is told rather than a refusal of the gateway's own that came before it", async () => {
  const limited = new GatewayError("llm.rate_limit.requests", "too many.");
  const { pipeline } = setUp([limited, down], { models: { "*": ["b"] } });
  const error = await failureOf(pipeline(chat({ model: "a" })));
  assert.equal(error.code, down.code);
  assert.match(error.message, /a \(llm\.rate_limit\.requests\)/);
  const none = setUp([limited, open, limited, open], { models: { "*": ["b"] } });
  assert.equal((await failureOf(none.pipeline(chat()))).code, "llm.rate_limit.requests");
});

test("a target whose circuit is open is passed over, and asked last", async () => {
  const { handler, pipeline } = setUp([open, down, down, "a after all"], { models: { a: ["b", "c"] } });
  assert.equal(await textOf(pipeline(chat({ model: "a" }))), "a after all");
  assert.equal(modelsOf(handler), "a b c a");
});

test("every target is asked at most twice where all circuits are open", async () => {
  const { handler, pipeline } = setUp(Array<Outcome>(50).fill(open), { models: { a: ["b", "c", "d", "e"] } });
  assert.equal((await failureOf(pipeline(chat({ model: "a" })))).code, "llm.provider.circuit_open");
  const asked = modelsOf(handler).split(" ");
  for (const model of "abcde") {
    const times = asked.filter((name) => name === model).length;
    assert.ok(times >= 1 && times <= 2, `${model}: ${times}`);
  }
});

test("a refusal by the gateway itself is no try", async () => {
  for (const code of ["llm.provider.circuit_open", "llm.rate_limit.requests", "llm.overloaded"] as const) {
    const refused = refusing(new GatewayError(code, "no."));
    const outcomes = [refused, refused, refused, down, down, "x"];
    const { handler, pipeline } = setUp(outcomes, { models: { a: ["b", "c", "d", "e", "f"] } });
    assert.equal(await textOf(pipeline(chat({ model: "a" }))), "x");
    assert.equal(modelsOf(handler), "a b c d e f");
  }
});

test("a target that was asked until the time was up has been a try", async () => {
  const late = new GatewayError("llm.timeout.total", "late.");
  const { handler, pipeline } = setUp(Array<Outcome>(9).fill(late), { models: { a: ["b", "c", "d"] } });
  await failureOf(pipeline(chat({ model: "a" })));
  assert.equal(modelsOf(handler), "a b c");
});

// What a circuit breaker does whose target still answers now and then: it lets a call in where there is no other.
const halfDead: Handler = async (request) => {
  if (request.call.context.get(spareTargets) > 0) return open(request);
  return scripted(`${request.model} answers`)(request);
};

for (const alive of ["a", "b", "c"]) {
  test(`with every circuit open, a call is let through to the one target of three that is not quite dead: ${alive}`, async () => {
    const handler: Handler = async (request) => {
      if (request.model !== alive) return open(request);
      return halfDead(request);
    };
    const pipeline = compose([fallback({ models: { a: ["b", "c"] } })], handler);
    assert.equal(await textOf(pipeline(chat({ model: "a" }))), `${alive} answers`);
  });
}

test("what is below knows how many targets are left", async () => {
  const { handler, pipeline } = setUp([down, down, down], { models: { a: ["b", "c"] } });
  const request = chat({ model: "a" });
  await failureOf(pipeline(request));
  assert.deepEqual(
    handler.requests.map(({ call }) => call.context.get(spareTargets)),
    [2, 1, 0],
  );
  assert.equal(request.call.context.get(spareTargets), 0);
});

test("a retry below asks the same target again before the next, and its caller may not want it", async () => {
  const asked = async (fallback_config?: object): Promise<string> => {
    const clock = fakeClock();
    const handler = scripted(...Array<Outcome>(9).fill(down));
    const pipeline = compose([fallback({ models: { a: ["b"] }, clock }), retry({ clock })], handler);
    const failing = failureOf(pipeline(chat({ model: "a", fallback_config })));
    await clock.advance(10_000);
    await failing;
    return modelsOf(handler);
  };
  assert.equal(await asked(), "a a b");
  assert.equal(await asked({ retry: false }), "a b");
});

test("once the caller has left, no other target is asked", async () => {
  const call = new AbortController();
  const leaves: Handler = async () => {
    call.abort();
    throw down;
  };
  const { handler, pipeline } = setUp([leaves], { models: { "*": ["b"] } });
  assert.equal(await failureOf(pipeline(chat("Hi", { signal: call.signal }))), down);
  assert.equal(handler.requests.length, 1);
});

test("once the deadline has come, no other target is asked", async () => {
  const clock = fakeClock();
  const takes = (ms: number): Handler => {
    return async () => {
      await clock.advance(ms);
      throw down;
    };
  };
  const { handler, pipeline } = setUp([takes(60), takes(39), takes(1)], { models: { a: ["b", "c", "d"] }, clock });
  const request = chat({ model: "a" });
  request.call.context.set(deadline, 100);
  const late = " Not tried, as there was no try or time left:";
  assert.equal(
    (await failureOf(pipeline(request))).message,
    `down. Tried as well: b (${down.code}), c (${down.code}).${late} d.`,
  );
  assert.equal(modelsOf(handler), "a b c");
  const past = setUp([takes(0)], { models: { a: ["b", "c"] }, clock });
  const { code, message, retryable } = await failureOf(past.pipeline({ ...request, model: "a" }));
  assert.deepEqual([code, message, retryable], [down.code, `down.${late} b, c.`, true]);
});

test("a stream that fails before anything was seen of it goes on elsewhere, and later it does not", async () => {
  const pieces = chunksOf("half", "whole");
  const before = setUp([[...pieces.slice(0, 1), down], "b"], { models: { "*": ["b"] } });
  assert.equal(await textOf(before.pipeline(chat())), "b");
  const during = setUp([[...pieces.slice(0, 2), down]], { models: { "*": ["b"] } });
  const reply = await during.pipeline(chat());
  assert.equal((await failureOf(collect(reply))).phase, "during");
});

const BAD: Readonly<Record<string, readonly FallbackOptions[]>> = {
  'models["a"][1]': [
    { models: { a: ["b", ""] } },
    { models: { a: ["b", { model: "" }] } },
    { models: { a: ["b", { model: "c", set: { model: "d" } }] } },
    { models: { a: ["b", { model: "c", set: { call: {} } }] } },
    { models: { a: ["b", { model: "c", set: { fallbacks: [] } }] } },
    { models: { a: ["b", { model: "c", remove: ["messages"] }] } },
    { models: { a: ["b", { model: "c", remove: ["call"] }] } },
  ],
  maxAttempts: [{ maxAttempts: 0 }, { maxAttempts: 1.5 }, { maxAttempts: Number.NaN }],
};

for (const [name, all] of Object.entries(BAD)) {
  test(`${name} is refused at the start, by name, where it cannot be used`, () => {
    for (const options of all) {
      assert.throws(
        () => fallback(options),
        (error) => error instanceof TypeError && error.message.startsWith(`fallback: ${name}`),
        JSON.stringify(options),
      );
    }
  });
}

function setUp(outcomes: readonly Outcome[], options: FallbackOptions = {}): { handler: Scripted; pipeline: Handler } {
  const handler = scripted(...outcomes);
  return { handler, pipeline: compose([fallback(options)], handler) };
}

function modelsOf({ requests }: Scripted): string {
  return requests.map(({ model }) => model).join(" ");
}

/** What a layer does that refuses a call itself: no target is asked, and the try is given back. */
function refusing(error: GatewayError): Handler {
  return async ({ call }) => {
    returnTry(call.context);
    throw error;
  };
}
