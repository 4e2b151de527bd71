import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { caller } from "../caller.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatBody, ChatChunk, ChatRequest, Handler } from "../index.ts";
import { textReply } from "../reply.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { chunksIn, failureOf, settled, textOf, UNFINISHED } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, type Outcome, scripted } from "../testing.ts";
import { type IdempotencyOptions, idempotency } from "./idempotency.ts";

const LEFT = new GatewayError("llm.canceled", "left");
const failure = new GatewayError("llm.provider.overloaded", "busy");

test("the same key and body are executed once, and get the same answer again", async () => {
  const { handler, ask, nothingLeft } = setUp(["Hello"]);
  const first = await collect(await ask());
  for (let time = 0; time < 3; time++) {
    const reply = await ask();
    assert.equal(reply.headers["idempotent-replayed"], "true");
    assert.deepEqual(await collect(reply), first);
  }
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("an answer that is had again has its headers, and the first time none that says so", async () => {
  const answer: Handler = async () => ({ ...textReply("Hello"), headers: { "x-a": "b" } });
  const { ask } = setUp([answer]);
  const first = await ask();
  assert.deepEqual(first.headers, { "x-a": "b" });
  await collect(first);
  assert.deepEqual((await ask()).headers, { "x-a": "b", "idempotent-replayed": "true" });
});

test("a stream is had again as a stream, chunk by chunk", async () => {
  const chunks: ChatChunk[] = [...chunksOf("Hel", "lo"), { choices: [], usage: { total_tokens: 3 } }];
  const { handler, ask } = setUp([chunks]);
  assert.deepEqual(await chunksIn(await ask({ body: { stream: true } })), chunks);
  assert.deepEqual(await chunksIn(await ask({ body: { stream: true } })), chunks);
  assert.equal(handler.requests.length, 1);
});

test("a call without a key is executed each time, and nothing is remembered", async () => {
  const { handler, ask, nothingLeft } = setUp(["a", "b"]);
  assert.equal(await textOf(ask({ key: undefined })), "a");
  assert.equal(await textOf(ask({ key: undefined })), "b");
  assert.equal(handler.requests.length, 2);
  nothingLeft();
});

test("another key is another call", async () => {
  const { ask } = setUp(["a", "b"]);
  assert.equal(await textOf(ask({ key: "one" })), "a");
  assert.equal(await textOf(ask({ key: "One" })), "b");
  assert.equal(await textOf(ask({ key: "one" })), "a");
});

test("the same key with another body is a conflict, while the first runs and after it", async () => {
  const gate = Promise.withResolvers<void>();
  const { handler, ask, nothingLeft } = setUp([waiting(gate.promise, "Hello")]);
  const conflict = async (): Promise<void> => {
    for (const body of [{ model: "other" }, { stream: true }, { x: 1 }]) {
      const error = await failureOf(ask({ body }));
      assert.deepEqual(
        [error.code, error.status, error.retryable],
        ["llm.request.idempotency_conflict", 422, false],
        JSON.stringify(body),
      );
    }
  };
  const first = ask();
  await settled();
  await conflict();
  gate.resolve();
  assert.equal(await textOf(first), "Hello");
  await conflict();
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("a call that comes while the first runs waits for it, and gets its answer", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, handler, ask, nothingLeft } = setUp([waiting(gate.promise, "Hello")]);
  const first = ask();
  await settled();
  const others = Array.from({ length: 5 }, () => textOf(ask()));
  await clock.advance(10_000);
  assert.equal(handler.requests.length, 1);
  gate.resolve();
  assert.equal(await textOf(first), "Hello");
  await clock.advance(1000);
  assert.deepEqual(await Promise.all(others), Array<string>(5).fill("Hello"));
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("where the first fails, one of those who waited is executed", async () => {
  const gate = Promise.withResolvers<void>();
  const failing: Handler = async () => {
    await gate.promise;
    throw failure;
  };
  const { clock, handler, ask, nothingLeft } = setUp([failing, "Hello"]);
  const first = ask();
  await settled();
  const others = Array.from({ length: 3 }, () => textOf(ask()));
  await settled();
  gate.resolve();
  assert.equal(await failureOf(first), failure);
  await clock.advance(2000);
  assert.deepEqual(await Promise.all(others), ["Hello", "Hello", "Hello"]);
  assert.equal(handler.requests.length, 2);
  nothingLeft();
});

test("a call that has waited too long for another is told so, and when to come again", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, handler, ask, nothingLeft } = setUp([waiting(gate.promise, "Hello")], { maxWaitMs: 5000 });
  const first = ask();
  await settled();
  let at = Number.NaN;
  const second = failureOf(ask()).finally(() => {
    at = clock.now();
  });
  await clock.advance(5000);
  const error = await second;
  assert.ok(at > 4000 && at <= 5000, String(at));
  assert.deepEqual([error.code, error.status, error.retryable], ["llm.request.idempotency_conflict", 409, true]);
  assert.ok((error.retryAfterMs ?? 0) > 0);
  gate.resolve();
  assert.equal(await textOf(first), "Hello");
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("eight calls wait for one key, and the next is told at once to come again; another key is another's", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, handler, ask, nothingLeft } = setUp([waiting(gate.promise, "Hello"), "other"]);
  const calls = [textOf(ask())];
  await settled();
  const stop = new AbortController();
  const leaving = failureOf(ask({ signal: stop.signal }));
  await settled();
  for (let call = 1; call < 8; call++) {
    calls.push(textOf(ask()));
    await settled();
  }
  for (let call = 0; call < 2; call++) {
    const error = await failureOf(ask());
    assert.deepEqual([error.code, error.status, error.retryable], ["llm.request.idempotency_conflict", 409, true]);
    assert.ok((error.retryAfterMs ?? 0) > 0);
  }
  assert.equal(await textOf(ask({ key: "another" })), "other");
  stop.abort(LEFT);
  assert.equal(await leaving, LEFT);
  // The place of who has left is free.
  calls.push(textOf(ask()));
  await settled();
  assert.equal((await failureOf(ask())).status, 409);
  gate.resolve();
  await clock.advance(1000);
  assert.deepEqual(await Promise.all(calls), Array<string>(9).fill("Hello"));
  assert.equal(handler.requests.length, 2);
  nothingLeft();
});

test("of many calls with one key that come in the same moment eight wait", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, handler, ask, nothingLeft } = setUp([waiting(gate.promise, "Hello")]);
  const calls = Array.from({ length: 50 }, () =>
    textOf(ask()).catch((error: unknown) => (error instanceof GatewayError ? error.status : error)),
  );
  await clock.advance(10_000);
  gate.resolve();
  await clock.advance(1000);
  const got = await Promise.all(calls);
  assert.equal(got.filter((each) => each === "Hello").length, 9);
  assert.equal(got.filter((each) => each === 409).length, 41);
  assert.equal(handler.requests.length, 1);
  nothingLeft();
});

test("a caller who leaves while it waits is waited for no more, and the first goes on", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, ask, handler } = setUp([waiting(gate.promise, "Hello")]);
  const first = ask();
  await settled();
  const stop = new AbortController();
  const leaving = assert.rejects(ask({ signal: stop.signal }), (thrown) => thrown === LEFT);
  await clock.advance(1000);
  stop.abort(LEFT);
  await leaving;
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  gate.resolve();
  assert.equal(await textOf(first), "Hello");
  assert.equal(handler.requests.length, 1);
  assert.equal(clock.waiting, 0);
});

test("a key is its caller's own", async () => {
  const { ask } = setUp(["a", "b", "c", "d"]);
  assert.equal(await textOf(ask({ caller: "team-a" })), "a");
  assert.equal(await textOf(ask({ caller: "team-b" })), "b");
  assert.equal(await textOf(ask({ address: "192.0.2.1" })), "c");
  assert.equal(await textOf(ask({ address: "192.0.2.2" })), "d");
  assert.equal(await textOf(ask({ caller: "team-a", address: "192.0.2.1" })), "a");
  assert.equal(await textOf(ask({ caller: "team-b" })), "b");
  assert.equal(await textOf(ask({ address: "192.0.2.1" })), "c");
});

for (const [how, [outcome, end]] of Object.entries(UNFINISHED)) {
  test(`a call that ${how} is not remembered, and leaves nothing behind`, async () => {
    const { clock, handler, ask } = setUp([outcome, "again"]);
    const stop = new AbortController();
    const replying = ask({ signal: stop.signal });
    replying.catch(() => {});
    await end(replying, () => stop.abort(LEFT));
    await settled();
    assert.deepEqual([clock.waiting, getEventListeners(stop.signal, "abort").length], [0, 0]);
    const reply = await ask();
    assert.equal(reply.headers["idempotent-replayed"], undefined);
    assert.equal(await textOf(reply), "again");
    assert.equal(handler.requests.length, 2);
  });
}

test("an answer that is too large is given whole, and executed again", async () => {
  const large = chunksOf("x".repeat(600), "y".repeat(600));
  const { handler, ask, nothingLeft } = setUp([large, large, "small"], { maxChars: 1000 });
  for (const _ of [1, 2]) assert.deepEqual(await chunksIn(await ask({ key: "large" })), large);
  assert.equal(handler.requests.length, 2);
  for (const _ of [1, 2]) assert.equal(await textOf(ask({ key: "small" })), "small");
  assert.equal(handler.requests.length, 3);
  nothingLeft();
});

test("an answer can be had again as long as it is kept, and no longer", async () => {
  const { clock, ask } = setUp(["a", "b"], { ttlMs: 10_000 });
  assert.equal(await textOf(ask()), "a");
  await clock.advance(9999);
  assert.equal(await textOf(ask()), "a");
  await clock.advance(1);
  assert.equal(await textOf(ask()), "b");
});

test("a call that runs for long keeps its key, and gives it up once it is over", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, handler, store, ask, nothingLeft } = setUp([waiting(gate.promise, "Hello")]);
  const first = ask();
  for (let minute = 0; minute < 30; minute++) {
    await clock.advance(60_000);
    assert.equal(clock.waiting, 1);
  }
  const second = textOf(ask());
  await clock.advance(60_000);
  assert.equal(handler.requests.length, 1);
  gate.resolve();
  assert.equal(await textOf(first), "Hello");
  await clock.advance(1000);
  assert.equal(await second, "Hello");
  const claims = store.claims;
  await clock.advance(600_000);
  assert.equal(store.claims, claims);
  nothingLeft();
});

test("a renewal that fails is made good by the next", async () => {
  const gate = Promise.withResolvers<void>();
  const { clock, handler, store, ask } = setUp([waiting(gate.promise, "Hello")]);
  const first = ask();
  await clock.advance(1);
  store.down = true;
  await clock.advance(30_000);
  store.down = false;
  const second = textOf(ask());
  await clock.advance(120_000);
  gate.resolve();
  assert.equal(await textOf(first), "Hello");
  await clock.advance(1000);
  assert.equal(await second, "Hello");
  assert.equal(handler.requests.length, 1);
});

test("an answer is an answer, also where the store does not take it", async () => {
  const gate = Promise.withResolvers<void>();
  for (const outcome of [waiting(gate.promise, "Hello"), failure]) {
    const { store, clock, ask } = setUp([outcome]);
    const replying = ask();
    replying.catch(() => {});
    await settled();
    store.down = true;
    gate.resolve();
    if (outcome === failure) assert.equal(await failureOf(replying), failure);
    else assert.equal(await textOf(replying), "Hello");
    await settled();
    assert.equal(clock.waiting, 0);
  }
});

test("a call whose process died can be executed anew after a minute", async () => {
  const { clock, store, ask } = setUp(["Hello"]);
  const dead = compose([idempotency({ store, clock: fakeClock() })], () => new Promise(() => {}));
  dead(request()).catch(() => {});
  await settled();
  const second = textOf(ask());
  await clock.advance(59_000);
  assert.equal(await Promise.race([second, "waits"]), "waits");
  await clock.advance(2000);
  assert.equal(await second, "Hello");
});

test("a key that is none is refused by name, and nothing is called", async () => {
  const { handler, ask, nothingLeft } = setUp(["ok", "ok"]);
  for (const key of ["", " ", "a b", "ä", "a\tb", "a\n", "x".repeat(256)]) {
    const error = await failureOf(ask({ key }));
    assert.deepEqual([error.code, error.status], ["llm.request.invalid", 400], key);
    assert.equal(error.issues[0]?.path, "Idempotency-Key");
  }
  assert.equal(handler.requests.length, 0);
  for (const key of ["x".repeat(255), "!~"]) assert.equal(await textOf(ask({ key })), "ok");
  nothingLeft();
});

test("neither key nor body is given to the store in plain text, and a caller cannot make up another's key", async () => {
  const { store, ask } = setUp(["a", "b"]);
  await textOf(ask({ key: "secret-key", body: { x: "secret-body" }, caller: "secret-team" }));
  assert.doesNotMatch(JSON.stringify(store.seen), /secret/);
  await textOf(ask({ key: "secret-key", body: { x: "secret-body" }, caller: "team" }));
  assert.equal(new Set(store.seen.map(([key]) => key)).size, 2);
});

const BAD: Readonly<Record<string, readonly IdempotencyOptions[]>> = {
  ttlMs: [{ ttlMs: 0 }, { ttlMs: Number.POSITIVE_INFINITY }],
  maxChars: [{ maxChars: 0 }, { maxChars: 1.5 }],
  maxWaitMs: [{ maxWaitMs: -1 }, { maxWaitMs: Number.NaN }],
};

for (const [name, all] of Object.entries(BAD)) {
  test(`a ${name} that cannot be used is refused by name`, () => {
    for (const options of all) {
      assert.throws(() => idempotency(options), { name: "TypeError", message: RegExp(`^idempotency: ${name} `) });
    }
  });
}

interface Asked {
  readonly key?: string | undefined;
  readonly body?: Partial<ChatBody>;
  readonly caller?: string;
  readonly address?: string;
  readonly signal?: AbortSignal;
}

function request(asked: Asked = {}): ChatRequest {
  const { body = {}, caller: name, address, signal } = asked;
  const key = "key" in asked ? asked.key : "key-1";
  const made = chat(body, {
    ...(key !== undefined && { headers: { "idempotency-key": key } }),
    address,
    ...(signal && { signal }),
  });
  if (name) made.call.context.set(caller, { name });
  return made;
}

function setUp(outcomes: readonly Outcome[], options: IdempotencyOptions = {}) {
  const clock = fakeClock();
  const store = watched(memoryStore({ clock }));
  const handler = scripted(...outcomes);
  const pipeline = compose([idempotency({ store, clock, ...options })], handler);
  return {
    clock,
    store,
    handler,
    ask: (asked: Asked = {}) => pipeline(request(asked)),
    nothingLeft: () => assert.deepEqual([clock.waiting, handler.open], [0, 0]),
  };
}

/** A store that counts, and that may be down. */
function watched(inner: ReturnType<typeof memoryStore>) {
  return {
    down: false,
    claims: 0,
    seen: [] as string[][],
    async claim(key: string, fingerprint: string, owner: string, leaseMs: number) {
      this.claims++;
      this.seen.push([key, fingerprint]);
      if (this.down) throw new Error("the store is down");
      return inner.claim(key, fingerprint, owner, leaseMs);
    },
    async settle(key: string, owner: string, record: string | undefined, ttlMs: number) {
      if (this.down) throw new Error("the store is down");
      return inner.settle(key, owner, record, ttlMs);
    },
  };
}

function waiting(gate: Promise<void>, text: string): Handler {
  return async () => {
    await gate;
    return textReply(text);
  };
}
