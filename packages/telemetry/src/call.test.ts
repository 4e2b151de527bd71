import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  auth,
  cacheLookups,
  collect,
  compose,
  discard,
  GatewayError,
  type Handler,
  idempotency,
  type Middleware,
  rateLimit,
} from "@gatewright/core";
import { chat, chunksOf, fakeClock } from "@gatewright/core/testing";
import { SpanStatusCode } from "@opentelemetry/api";
import { telemetry } from "./telemetry.ts";
import { provider } from "./testing/provider.ts";
import { startSdk } from "./testing/sdk.ts";

const BUSY = new GatewayError("llm.provider.overloaded", "busy");

/** How a call may end: what is below it, what its caller does, and what is told. */
interface Way {
  readonly below: Handler;
  readonly end: (replying: ReturnType<Handler>, leave: () => void) => unknown;
  readonly outcome: string;
  readonly error?: string;
}

const ways: Readonly<Record<string, Way>> = {
  "is answered": {
    below: provider("acme", "Hi"),
    end: async (replying) => collect(await replying),
    outcome: "completed",
  },
  "fails before it begins": {
    below: provider("acme", BUSY),
    end: (replying) => assert.rejects(replying, BUSY),
    outcome: "failed",
    error: BUSY.code,
  },
  "meets a layer that throws at once": {
    below: () => {
      throw BUSY;
    },
    end: (replying) => assert.rejects(replying, BUSY),
    outcome: "failed",
    error: BUSY.code,
  },
  "meets a defect": {
    below: async () => assert.fail("a defect, with the prompt"),
    end: (replying) => assert.rejects(replying),
    outcome: "failed",
    error: "llm.internal",
  },
  "breaks off": {
    below: provider("acme", [...chunksOf("a").slice(0, 2), BUSY]),
    end: async (replying) => assert.rejects(collect(await replying)),
    outcome: "interrupted",
    error: BUSY.code,
  },
  "is left by its reader": {
    below: provider("acme", chunksOf("a", "b")),
    end: async (replying) => {
      for await (const _ of (await replying).chunks) break;
    },
    outcome: "canceled",
    error: "llm.canceled",
  },
  "is let go unread": {
    below: provider("acme", chunksOf("a")),
    end: async (replying) => discard(await replying),
    outcome: "canceled",
    error: "llm.canceled",
  },
  "is never read, and its caller goes": {
    below: provider("acme", chunksOf("a")),
    end: async (replying, leave) => {
      await replying;
      leave();
      leave();
    },
    outcome: "canceled",
    error: "llm.canceled",
  },
  "is canceled before it begins": {
    below: ({ call: { signal } }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
    end: async (replying, leave) => {
      await nextTurn();
      leave();
      await assert.rejects(replying);
    },
    outcome: "canceled",
    error: "llm.canceled",
  },
  "is canceled before it begins, by a handler that does not listen": {
    below: () => new Promise(() => {}),
    end: async (_, leave) => {
      await nextTurn();
      leave();
    },
    outcome: "canceled",
    error: "llm.canceled",
  },
};

for (const [how, { below, end, outcome, error }] of Object.entries(ways)) {
  test(`a call that ${how} is one span and one call`, async () => {
    await using sdk = startSdk();
    const leaving = new AbortController();
    const { call, attempt } = telemetry();
    const replying = compose([call, attempt], below)(chat({ stream: true }, { signal: leaving.signal }));
    await end(replying, () => leaving.abort());
    await nextTurn();
    await nextTurn();
    assert.deepEqual(await sdk.points("gatewright.call.active"), [{ attributes: {}, value: 0, sum: undefined }]);
    const failed = error === undefined ? {} : { "error.type": error };
    assert.deepEqual(await sdk.points("gatewright.calls"), [
      { attributes: { "gatewright.outcome": outcome, ...failed }, value: 1, sum: undefined },
    ]);
    const [duration, ...more] = await sdk.points("gatewright.call.duration");
    assert.equal(more.length, 0);
    assert.equal(duration?.value, 1);
    const [span, ...others] = sdk.named("gatewright.call");
    assert.equal(others.length, 0);
    assert.equal(span?.attributes["gatewright.outcome"], outcome);
    assert.equal(span?.attributes["error.type"], error);
    const isFailure = outcome === "failed" || outcome === "interrupted";
    assert.equal(span?.status.code, isFailure ? SpanStatusCode.ERROR : SpanStatusCode.UNSET);
    assert.ok(!JSON.stringify([span?.status, span?.attributes, span?.events]).includes("prompt"));
    assert.equal(sdk.named("chat").length, 1);
    assert.equal(getEventListeners(leaving.signal, "abort").length, 0);
  });
}

test("a call whose caller has left already is canceled, even where nobody below listens", async () => {
  await using sdk = startSdk();
  const never = compose([telemetry().call], () => new Promise(() => {}));
  never(chat("Hi", { signal: AbortSignal.abort() }));
  await nextTurn();
  assert.equal(sdk.spans[0]?.attributes["gatewright.outcome"], "canceled");
});

test("a span of a call tells what was asked, and what came of it", async () => {
  await using sdk = startSdk();
  const { call, attempt } = telemetry();
  const again: Middleware = (request, next) => next(request).catch(() => next(request));
  const response_format = { type: "json_schema", json_schema: { name: "city", schema: {} } };
  const answered = compose([call, again, attempt], provider("acme", "Hi", BUSY, "Hi"));
  for (const id of ["first", "second"]) await collect(await answered(chat({ model: "m", response_format }, { id })));
  const [first, second] = sdk.named("gatewright.call").map(({ attributes }) => attributes);
  const usual = {
    "gatewright.request.model": "m",
    "gatewright.schema.name": "city",
    "gatewright.schema.version": "44136fa355b3",
    "gatewright.outcome": "completed",
  };
  assert.deepEqual(first, { "gatewright.request.id": "first", ...usual });
  assert.deepEqual(second, { "gatewright.request.id": "second", ...usual, "gatewright.call.retries": 1 });
});

test("what throws in place of rejecting is a failure like any other", async () => {
  await using sdk = startSdk();
  const { call, attempt } = telemetry();
  const throwing = (): never => {
    throw BUSY;
  };
  for (const layer of [call, attempt]) await assert.rejects(layer(chat(), throwing), BUSY);
  assert.deepEqual(
    sdk.spans.map(({ attributes }) => attributes["error.type"]),
    [BUSY.code, BUSY.code],
  );
});

test("what is in flight is counted", async () => {
  await using sdk = startSdk();
  const active = async (): Promise<unknown> => (await sdk.points("gatewright.call.active"))[0]?.value;
  const pipeline = compose([telemetry().call], provider("acme", chunksOf("a"), chunksOf("b")));
  const replies = await Promise.all([pipeline(chat()), pipeline(chat())]);
  for (const [at, reply] of replies.entries()) {
    assert.equal(await active(), 2 - at);
    await collect(reply);
  }
  assert.equal(await active(), 0);
});

test("who called is in the span, and in no metric", async () => {
  await using sdk = startSdk();
  const keys = auth({ keys: [{ name: "alice", key: "a-long-random-secret" }] });
  const headers = { authorization: "Bearer a-long-random-secret" };
  const pipeline = compose([telemetry().call, keys], provider("acme", "Hi", "Hi"));
  await collect(await pipeline(chat("Hi", { headers, address: "10.0.0.7" })));
  assert.equal(sdk.spans[0]?.attributes["gatewright.caller"], "key alice");
  assert.ok(!JSON.stringify(await sdk.metrics()).includes("alice"));
  await assert.rejects(pipeline(chat("Hi", { address: "10.0.0.7" })));
  assert.equal(sdk.spans[1]?.attributes["gatewright.caller"], undefined);
});

test("what limits decided is counted by layer, dry runs apart", async () => {
  await using sdk = startSdk();
  const { call } = telemetry();
  const limits = [{ requests: 1, windowMs: 60_000, per: [] }];
  const layers = [call, rateLimit({ name: "would", mode: "dry-run", limits }), rateLimit({ name: "own", limits })];
  const pipeline = compose(layers, provider("acme", "Hi"));
  await collect(await pipeline(chat()));
  await assert.rejects(pipeline(chat()), { code: "llm.rate_limit.requests" });
  const decided = (layer: string, allowed: boolean, dryRun: boolean, value: number): object => ({
    attributes: { "gatewright.layer": layer, "gatewright.limit.allowed": allowed, "gatewright.limit.dry_run": dryRun },
    value,
    sum: undefined,
  });
  assert.deepEqual(await sdk.points("gatewright.limit.decisions"), [
    decided("would", true, true, 1),
    decided("own", true, false, 1),
    decided("would", false, true, 1),
    decided("own", false, false, 1),
  ]);
  assert.equal(sdk.named("gatewright.call")[1]?.attributes["error.type"], "llm.rate_limit.requests");
});

test("what was known already is counted by layer, and a span tells of it", async () => {
  await using sdk = startSdk();
  const { call, attempt } = telemetry();
  const pipeline = compose([call, idempotency(), attempt], provider("acme", "Hi"));
  for (const _ of [1, 2]) await collect(await pipeline(chat("Hi", { headers: { "idempotency-key": "k" } })));
  const looked = (hit: boolean): object => ({
    attributes: { "gatewright.layer": "idempotency", "gatewright.cache.hit": hit },
    value: 1,
    sum: undefined,
  });
  assert.deepEqual(await sdk.points("gatewright.cache.lookups"), [looked(false), looked(true)]);
  const hits = sdk.named("gatewright.call").map(({ attributes }) => attributes["gatewright.cache.hits"]);
  assert.deepEqual(hits, [undefined, ["idempotency"]]);
  // A replay uses no tokens and asks nobody.
  assert.equal(sdk.named("chat").length, 1);
});

test("the metrics of a call tell how long its caller waited, and for which model", async () => {
  await using sdk = startSdk();
  const clock = fakeClock();
  const { call } = telemetry({ clock });
  const slow: Handler = async () => {
    await clock.advance(300);
    return { headers: {}, chunks: ReadableStream.from(chunksOf("a")) };
  };
  const pipeline = compose([call], provider("acme", slow, slow));
  const request = chat({ model: "gpt-4o", stream: true });
  const reply = await pipeline(request);
  await clock.advance(200);
  await collect(reply);
  await collect(await pipeline(chat({ model: "gpt-4o" })));
  const model = { "gen_ai.request.model": "gpt-4o" };
  const how = { ...model, "gatewright.outcome": "completed" };
  const [first] = await sdk.points("gatewright.call.time_to_first_chunk");
  assert.deepEqual(await sdk.points("gatewright.call.duration"), [{ attributes: how, value: 2, sum: 0.8 }]);
  // Only a stream has a first chunk.
  assert.equal(first?.value, 1);
  assert.equal(first?.sum, 0.3);
  assert.equal(request.call.context.get(cacheLookups).length, 0);
});
