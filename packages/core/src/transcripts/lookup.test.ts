import assert from "node:assert/strict";
import { test } from "node:test";
import { type Call, createCall } from "../call.ts";
import { caller } from "../caller.ts";
import type { Clock } from "../clock.ts";
import { deadline } from "../deadline.ts";
import { GatewayError } from "../error.ts";
import { failureOf, settled } from "../testing/outcome.ts";
import { fakeClock } from "../testing.ts";
import { type TranscriptLookupOptions, type TranscriptMismatch, transcriptLookup } from "./lookup.ts";
import type { Transcript, TranscriptSource } from "./transcript.ts";

type Answer = Transcript | Error | undefined;

/** A look-up over a source with an answer a call; the last one is given again. */
function setUp(answers: readonly Answer[], options: Partial<TranscriptLookupOptions> = {}) {
  const clock = fakeClock();
  const asked: { readonly id: string; readonly signal: AbortSignal }[] = [];
  const source: TranscriptSource = async (id, { signal }) => {
    const answer = answers[Math.min(asked.push({ id, signal }), answers.length) - 1];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const find = transcriptLookup("test", { source, clock, ...options });
  const lookup = (id: string, call: Call): Promise<Transcript> => find(id, call, "transcript_id");
  return { clock, asked, lookup };
}

function callOf(name: string, known: Partial<Call> = {}): Call {
  const call = createCall(known);
  call.context.set(caller, { name });
  return call;
}

const said = { id: "a", text: "Hello" };
const queued: Transcript = { id: "a", status: "queued" };

test("a completed transcript is kept for its caller, for a minute", async () => {
  const { lookup, asked, clock } = setUp([said]);
  for (const ms of [0, 59_999]) {
    await clock.advance(ms);
    assert.equal((await lookup("a", callOf("alice"))).text, "Hello");
  }
  assert.equal(asked.length, 1);
  await clock.advance(1);
  await lookup("a", callOf("alice"));
  assert.equal(asked.length, 2);
  assert.equal(clock.waiting, 0);
});

test("what one caller was given is never another's", async () => {
  const { lookup, asked } = setUp([said, undefined]);
  await lookup("a", callOf("alice"));
  assert.equal((await failureOf(lookup("a", callOf("bob")))).code, "llm.transcript.not_found");
  assert.equal(asked.length, 2);
  const token = createCall();
  token.context.set(caller, { name: "alice", kind: "token" });
  assert.equal((await failureOf(lookup("a", token))).code, "llm.transcript.not_found");
  const anonymous = createCall({ address: "203.0.113.7" });
  assert.equal((await failureOf(lookup("a", anonymous))).code, "llm.transcript.not_found");
});

test("one that is being looked up is looked up once, but for each caller", async () => {
  const { lookup, asked } = setUp([said]);
  const calls = ["alice", "alice", "bob"].map((name) => lookup("a", callOf(name)));
  assert.deepEqual(
    (await Promise.all(calls)).map(({ text }) => text),
    ["Hello", "Hello", "Hello"],
  );
  assert.equal(asked.length, 2);
});

const REFUSED: Readonly<Record<string, readonly [answer: Answer, status: number, code: string, message: RegExp]>> = {
  "there is none": [undefined, 404, "llm.transcript.not_found", /^transcript_id: there is no/],
  "it is queued": [queued, 409, "llm.transcript.not_ready", /is queued$/],
  "it is being made": [{ id: "a", status: "processing" }, 409, "llm.transcript.not_ready", /is processing$/],
  "it failed": [{ id: "a", status: "error", error: "No audio." }, 422, "llm.transcript.failed", /failed: No audio\.$/],
  "it failed without a word": [{ id: "a", status: "error" }, 422, "llm.transcript.failed", /failed$/],
  "its failure tells a secret": [
    { id: "a", status: "error", error: "api_key=hush-hush https://x.test/?sig=hush" },
    422,
    "llm.transcript.failed",
    /api_key=\*\*\* https:\/\/x\.test\/\?\*\*\*$/,
  ],
};

for (const [when, [answer, status, code, message]] of Object.entries(REFUSED)) {
  test(`where ${when}, the call is refused, and a moment later asked anew`, async () => {
    const { lookup, asked, clock } = setUp([answer, answer, said]);
    for (const ms of [0, 499]) {
      await clock.advance(ms);
      const error = await failureOf(lookup("a", callOf("alice")));
      assert.deepEqual([error.status, error.code, error.issues[0]?.path], [status, code, "transcript_id"]);
      assert.match(error.message, message);
      assert.equal(error.retryAfterMs, status === 409 ? 1000 : undefined);
    }
    assert.equal(asked.length, 1);
    await clock.advance(1);
    await failureOf(lookup("a", callOf("alice")));
    await clock.advance(500);
    assert.equal((await lookup("a", callOf("alice"))).text, "Hello");
  });
}

const busy = new GatewayError("llm.provider.rate_limited", "stt said: hush", { retryAfterMs: 7000 });
const wrongKey = new GatewayError("llm.provider.auth", "stt said: hush");
const FAILURES: Readonly<
  Record<string, readonly [Error, retryable: boolean, retryAfterMs: number | undefined, says: RegExp]>
> = {
  "throws anything": [
    new Error("password hush"),
    true,
    1000,
    /^Transcripts cannot be had at the moment\. Send the call again/,
  ],
  "is overloaded": [
    busy,
    true,
    7000,
    /^Transcripts cannot be had at the moment\. Their service has failed\. Send the call again/,
  ],
  "does not take the key": [wrongKey, false, undefined, /^Transcripts .* Their service does not serve this gateway\.$/],
};

for (const [how, [thrown, retryable, retryAfterMs, says]] of Object.entries(FAILURES)) {
  test(`a source that ${how} is a 503 that no other model cures, and is not kept`, async () => {
    const { lookup } = setUp([thrown, said]);
    const error = await failureOf(lookup("a", callOf("alice")));
    const { status, remedy, origin, message } = error;
    assert.deepEqual({ status, remedy, origin }, { status: 503, remedy: "none", origin: "upstream" });
    assert.deepEqual([error.retryable, error.retryAfterMs, error.cause], [retryable, retryAfterMs, thrown]);
    assert.match(message, says);
    assert.doesNotMatch(message, /hush/);
    assert.equal((await lookup("a", callOf("alice"))).text, "Hello");
  });
}

test("what a source refuses in the gateway's own words stays as it is", async () => {
  const refusal = new GatewayError("llm.transcript.failed", "too old");
  const { lookup } = setUp([refusal]);
  assert.equal(await failureOf(lookup("a", callOf("alice"))), refusal);
});

test("an answer that is no transcript is a failure of the source", async () => {
  const { lookup } = setUp([JSON.parse('{"id":"a","text":7}')]);
  assert.equal((await failureOf(lookup("a", callOf("alice")))).status, 503);
});

for (const answer of [
  { id: "b", text: "B's" },
  { id: "a", text: "A's", owner: "key bob" },
]) {
  test(`a record of ${answer.owner ?? "another id"} is told of, and never given`, async () => {
    const told: TranscriptMismatch[] = [];
    const { lookup, asked } = setUp([answer], { onMismatch: (mismatch) => void told.push(mismatch) });
    for (const again of [1, 2]) {
      const error = await failureOf(lookup("a", callOf("alice")));
      assert.equal(error.code, "llm.internal");
      assert.doesNotMatch(error.message, /bob|'s/);
      assert.match(String(error.cause), /answered another transcript/);
      assert.equal(told.length, again);
    }
    assert.deepEqual(told[0], {
      asked: { id: "a", caller: "key alice" },
      answered: { id: answer.id, owner: answer.owner },
    });
    assert.equal(asked.length, 2);
  });
}

test("an id that differs in its case alone is not there, and nobody is woken", async () => {
  const { lookup } = setUp([{ id: "ID-a", text: "Hello" }], { onMismatch: () => assert.fail("told") });
  assert.equal((await failureOf(lookup("id-A", callOf("alice")))).code, "llm.transcript.not_found");
  assert.equal((await lookup("ID-a", callOf("alice"))).text, "Hello");
});

test("of what a source has made up, little is told", async () => {
  const told: TranscriptMismatch[] = [];
  const answer = { id: "b".repeat(1_000_000), text: "B's", owner: "c".repeat(1_000_000) };
  const { lookup } = setUp([answer], { onMismatch: (mismatch) => void told.push(mismatch) });
  const { cause } = await failureOf(lookup("a", callOf("alice")));
  assert.deepEqual(told[0]?.answered, { id: "b".repeat(64), owner: "c".repeat(128) });
  assert.ok(String(cause).length < 500);
});

test("a record of the caller's own is given", async () => {
  const { lookup } = setUp([{ ...said, owner: "key alice" }]);
  assert.equal((await lookup("a", callOf("alice"))).text, "Hello");
});

test("a source that is slow is given up, told so, and asked anew", { timeout: 5000 }, async () => {
  const signals: AbortSignal[] = [];
  const source: TranscriptSource = (_, { signal }) => new Promise(() => signals.push(signal));
  const { lookup, clock } = setUp([], { source, timeoutMs: 500 });
  const replying = failureOf(lookup("a", callOf("alice")));
  await clock.advance(499);
  assert.equal(signals[0]?.aborted, false);
  await clock.advance(1);
  const error = await replying;
  assert.deepEqual([error.status, error.retryAfterMs], [503, 1000]);
  assert.match(error.message, /500 ms/);
  assert.equal(signals[0]?.aborted, true);
  lookup("a", callOf("alice")).catch(() => {});
  await settled();
  assert.equal(signals.length, 2);
});

test("a call waits for one that is not ready, up to its limit, and asks less and less often", async () => {
  const { lookup, asked, clock } = setUp([...Array(5).fill(queued), said], { maxWaitMs: 14_000 });
  const waiting = lookup("a", callOf("alice"));
  // It asks after 1, 2, 4 and 5 s, and for the last time at its limit.
  for (const [ms, times] of [
    [999, 1],
    [1, 2],
    [1999, 2],
    [1, 3],
    [3999, 3],
    [1, 4],
    [4999, 4],
    [1, 5],
    [1999, 5],
    [1, 6],
  ] as const) {
    await clock.advance(ms);
    assert.equal(asked.length, times);
  }
  assert.equal((await waiting).text, "Hello");
  assert.equal(clock.waiting, 0);
});

for (const earlyMs of [0, 1, 5]) {
  test(`one that gets ready while a call waits is found, with timers ${earlyMs} ms early`, async () => {
    const clock = fakeClock();
    const early: Clock = {
      now: clock.now,
      after: (ms, callback) => clock.after(Math.max(0, ms - earlyMs), callback),
    };
    const { lookup } = setUp([queued, said], { clock: early, maxWaitMs: 1000 });
    const waiting = lookup("a", callOf("alice"));
    await clock.advance(3000);
    assert.equal((await waiting).text, "Hello");
  });
}

test("of one caller 32 wait at once, and who is one more is told at once", async () => {
  const { lookup, clock } = setUp([], {
    source: async (id) => ({ id, status: "queued" }),
    maxWaitMs: 3000,
  });
  const codes: string[] = [];
  const wait = (id: string, name: string): void => {
    failureOf(lookup(id, callOf(name))).then(({ code }) => codes.push(code));
  };
  for (let id = 0; id < 32; id++) wait(`a-${id}`, "alice");
  await settled();
  assert.deepEqual(codes, []);
  wait("a-1", "alice");
  wait("b-1", "bob");
  await settled();
  assert.deepEqual(codes, ["llm.transcript.not_ready"]);
  await clock.advance(3000);
  assert.equal(codes.length, 34);
  wait("a-99", "alice");
  await settled();
  assert.equal(codes.length, 34);
  await clock.advance(3000);
});

test("many that wait ask together", async () => {
  const { lookup, asked, clock } = setUp([queued, queued, said], { maxWaitMs: 5000 });
  const waiting = [lookup("a", callOf("alice"))];
  await clock.advance(100);
  waiting.push(lookup("a", callOf("alice")));
  await clock.advance(3100);
  for (const one of waiting) assert.equal((await one).text, "Hello");
  assert.equal(asked.length, 3);
});

test("past its limit, and past the call's deadline, a call does not wait", async () => {
  const { lookup, asked, clock } = setUp([queued], { maxWaitMs: 2500 });
  const waiting = failureOf(lookup("a", callOf("alice")));
  await clock.advance(2500);
  assert.equal((await waiting).code, "llm.transcript.not_ready");
  assert.equal(asked.length, 3);
  for (const [left, times] of [
    [1900, 1],
    [2000, 2],
  ] as const) {
    await clock.advance(10_000);
    asked.length = 0;
    const hurried = callOf("alice");
    hurried.context.set(deadline, clock.now() + left);
    const failing = failureOf(lookup("a", hurried));
    await clock.advance(1000);
    assert.equal((await failing).code, "llm.transcript.not_ready");
    assert.equal(asked.length, times);
  }
});

test("a caller that leaves ends its waiting at once, and leaves nothing behind", { timeout: 5000 }, async () => {
  const { lookup, clock } = setUp([queued], { maxWaitMs: 60_000 });
  const leaving = new AbortController();
  const waiting = lookup("a", callOf("alice", { signal: leaving.signal }));
  await clock.advance(1500);
  leaving.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
  assert.equal(clock.waiting, 0);
});

test("a call that is over asks for nothing", async () => {
  const { lookup, asked } = setUp([said]);
  await lookup("a", callOf("alice"));
  for (const id of ["a", "b"]) {
    const over = callOf("alice", { signal: AbortSignal.abort(new Error("left")) });
    await assert.rejects(lookup(id, over), /left/);
  }
  assert.equal(asked.length, 1);
});

test("calls of nobody in particular share nothing, and one of them asks once at a time", async () => {
  const { lookup, asked } = setUp([said]);
  await Promise.all([lookup("a", createCall()), lookup("a", createCall({ address: "no address" }))]);
  const call = createCall();
  await Promise.all([lookup("a", call), lookup("a", call)]);
  assert.equal(asked.length, 3);
  await lookup("a", call);
  assert.equal(asked.length, 4);
  for (const again of [1, 2]) {
    await lookup("a", createCall({ address: "203.0.113.7" }));
    assert.equal(asked.length, 5, `call ${again}`);
  }
});

test("a caller that leaves while the source is asked ends that, unless another waits for it", {
  timeout: 5000,
}, async () => {
  const signals: AbortSignal[] = [];
  const { promise, resolve } = Promise.withResolvers<Transcript>();
  const source: TranscriptSource = (_, { signal }) => {
    signals.push(signal);
    return promise;
  };
  const { lookup, clock } = setUp([], { source });
  const [first, second] = [new AbortController(), new AbortController()];
  const alone = lookup("b", callOf("alice", { signal: first.signal }));
  const shared = lookup("a", callOf("alice", { signal: second.signal }));
  const other = lookup("a", callOf("alice"));
  await settled();
  first.abort(new Error("left"));
  second.abort(new Error("left"));
  await assert.rejects(alone, /left/);
  await assert.rejects(shared, /left/);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  );
  resolve(said);
  assert.equal((await other).text, "Hello");
  await settled();
  assert.equal(clock.waiting, 0);
});

test("no more than 256 are asked for at once, and 32 for one caller", { timeout: 5000 }, async () => {
  const { lookup } = setUp([], { source: () => new Promise(() => {}) });
  const begin = (id: number, caller: string): void => void lookup(`a-${id}`, callOf(caller)).catch(() => {});
  for (let id = 0; id < 32; id++) begin(id, "alice");
  assert.equal((await failureOf(lookup("one-more", callOf("alice")))).status, 503);
  for (let id = 32; id < 256; id++) begin(id, `caller ${id % 8}`);
  assert.equal((await failureOf(lookup("one-more", callOf("bob")))).status, 503);
});

test("a bad option is named", () => {
  const bad: readonly (readonly [string, object])[] = [
    ["source", { source: "assemblyai" }],
    ["timeoutMs", { timeoutMs: 0 }],
    ["maxWaitMs", { maxWaitMs: -1 }],
    ["cache.ttlMs", { cache: { ttlMs: Number.NaN } }],
    ["cache.maxBytes", { cache: { maxBytes: -1 } }],
  ];
  for (const [name, options] of bad) assert.throws(() => setUp([], options), new RegExp(`^TypeError: test: ${name} `));
});
