import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ChatRequest,
  type Circuit,
  circuitBreaker,
  collect,
  compose,
  GatewayError,
  type Handler,
} from "@gatewright/core";
import { chat, chunksOf } from "@gatewright/core/testing";
import { type MeterProvider, metrics, type TracerProvider, trace } from "@opentelemetry/api";
import { type TelemetryOptions, telemetry } from "./telemetry.ts";
import { provider } from "./testing/provider.ts";
import { type Sdk, startSdk } from "./testing/sdk.ts";
import { callTrace } from "./trace-context.ts";

test("a bad option is named at start-up", () => {
  const bad: Readonly<Record<string, object>> = {
    'providers["a"]': { providers: { a: "" } },
    'providers["b"]': { providers: { b: 7 } },
    propagate: { propagate: "yes" },
    clock: { clock: {} },
  };
  for (const [name, options] of Object.entries(bad)) {
    // What the types do not allow is told as well.
    const named = (thrown: unknown): boolean =>
      thrown instanceof TypeError && thrown.message.startsWith(`telemetry: ${name} `);
    assert.throws(() => telemetry(options as TelemetryOptions), named);
  }
  assert.throws(() => telemetry().observeDropped(7 as unknown as () => number), TypeError);
});

test("without an SDK the request and the reply pass as they are", async () => {
  const { call, attempt, observeDropped, onCircuit, onRefused } = telemetry();
  const reply = { headers: {}, chunks: ReadableStream.from(chunksOf("a")) };
  let seen: ChatRequest | undefined;
  const handler: Handler = async (request) => {
    seen = request;
    return reply;
  };
  const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  const request = chat("Hi", { headers });
  for (const layer of [call, attempt]) {
    assert.equal(await layer(request, handler), reply);
    assert.equal(seen, request);
    assert.equal(request.call.context.get(callTrace), undefined);
  }
  observeDropped(() => assert.fail("nobody asks"));
  onCircuit(circuit("m", "open"));
  onRefused(new GatewayError("llm.canceled", "left"), request.call);
});

test("an SDK that is registered later records from then on", async () => {
  const parts = telemetry();
  const pipeline = compose([parts.call, parts.attempt], provider("acme", "Hi", "Hi", "Hi"));
  parts.observeDropped(() => 2);
  await collect(await pipeline(chat()));
  for (const _ of [1, 2]) {
    await using sdk = startSdk({ traces: false });
    await collect(await pipeline(chat()));
    assert.equal((await sdk.points("gatewright.calls"))[0]?.value, 1);
    assert.equal((await sdk.points("gatewright.log.dropped"))[0]?.value, 2);
  }
});

test("traces alone are made without metrics, and metrics without traces", async () => {
  const usual = async (sdk: Sdk): Promise<number[]> => {
    const { call, attempt } = telemetry();
    await collect(await compose([call, attempt], provider("acme", chunksOf("a", "b")))(chat({ stream: true })));
    return [sdk.spans.length, (await sdk.metrics()).length];
  };
  {
    await using sdk = startSdk({ metrics: false });
    assert.deepEqual(await usual(sdk), [2, 0]);
    assert.ok(Number(sdk.named("chat")[0]?.attributes["gen_ai.response.time_to_first_chunk"]) >= 0);
  }
  await using sdk = startSdk({ traces: false });
  const [spans, kinds = 0] = await usual(sdk);
  assert.equal(spans, 0);
  assert.ok(kinds >= 6);
});

/** Something of which every method that is not given throws. */
function broken(works: object): object {
  return new Proxy(works, { get: (from, name) => Reflect.get(from, name) ?? (() => assert.fail("the SDK is broken")) });
}

const spanContext = (): object => ({ traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 });
const adding = { add: () => {} };
const observable = { addCallback: () => {} };

const sdks: Readonly<Record<string, readonly [span: object, meter: object]>> = {
  "from the beginning": [broken({}), broken({})],
  "as soon as a span is told something": [broken({ isRecording: () => true, spanContext }), broken({})],
  "as soon as something is measured": [
    broken({ isRecording: () => false, spanContext }),
    broken({
      createHistogram: () => broken({}),
      createCounter: () => broken(adding),
      createUpDownCounter: () => broken(adding),
      createObservableGauge: () => observable,
      createObservableCounter: () => observable,
    }),
  ],
};

for (const [when, [span, meter]] of Object.entries(sdks)) {
  test(`an SDK that throws ${when} harms no call`, async (t) => {
    t.after(() => {
      trace.disable();
      metrics.disable();
    });
    // As far as they are used, they are providers.
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan: () => span }) } as unknown as TracerProvider);
    metrics.setGlobalMeterProvider({ getMeter: () => meter } as unknown as MeterProvider);
    const { call, attempt } = telemetry();
    const reply = await compose([call, attempt], provider("acme", chunksOf("a", "b")))(chat({ stream: true }));
    assert.equal((await collect(reply)).choices[0]?.message.content, "ab");
    const busy = new GatewayError("llm.provider.overloaded", "busy");
    await assert.rejects(compose([call, attempt], provider("acme", busy))(chat()), busy);
  });
}

test("a reply without headers, which the types do not allow, is an answer all the same", async () => {
  await using _ = startSdk();
  const reply = { chunks: ReadableStream.from(chunksOf("a")) };
  // Whoever writes plain JavaScript may forget them.
  const handler = (async () => reply) as unknown as Handler;
  const { chunks } = await telemetry().attempt(chat({ stream: true }), handler);
  assert.equal((await collect({ headers: {}, chunks })).choices[0]?.message.content, "a");
});

test("a circuit's changes are counted, and its state is shown", async () => {
  await using sdk = startSdk();
  const { onCircuit } = telemetry();
  const breaker = circuitBreaker({ minimumCalls: 1, onChange: onCircuit });
  const down = new GatewayError("llm.provider.server_error", "down");
  await assert.rejects(compose([breaker], async () => Promise.reject(down))(chat({ model: "gpt-4o" })));
  const target = { "gatewright.circuit.target": "gpt-4o" };
  const state = async (): Promise<unknown> => (await sdk.points("gatewright.circuit.state"))[0];
  assert.deepEqual(await state(), { attributes: target, value: 2, sum: undefined });
  onCircuit(circuit("gpt-4o", "half-open"));
  assert.deepEqual(await state(), { attributes: target, value: 1, sum: undefined });
  onCircuit(circuit("gpt-4o", "closed"));
  assert.deepEqual(await state(), { attributes: target, value: 0, sum: undefined });
  const changes = (await sdk.points("gatewright.circuit.changes")).map(
    ({ attributes }) => attributes["gatewright.circuit.to"],
  );
  assert.deepEqual(changes, ["open", "half-open", "closed"]);
});

test("so many circuits have a state of their own, and the changes of all others are counted together", async () => {
  await using sdk = startSdk();
  const { onCircuit } = telemetry();
  for (let at = 0; at < 300; at++) onCircuit(circuit(`m-${at}`, "open"));
  onCircuit(circuit("m-0", "closed"));
  const states = await sdk.points("gatewright.circuit.state");
  assert.equal(states.length, 200);
  assert.equal(states.find(({ attributes }) => attributes["gatewright.circuit.target"] === "m-0")?.value, 0);
  const changes = await sdk.points("gatewright.circuit.changes");
  assert.equal(changes.find(({ attributes }) => attributes["gatewright.circuit.target"] === "_OTHER")?.value, 100);
});

test("a call that never came to the pipeline is counted once, and one that did is not counted again", async () => {
  await using sdk = startSdk();
  const { call, onRefused } = telemetry();
  const refusal = new GatewayError("llm.request.invalid", "no");
  const left = new GatewayError("llm.canceled", "left");
  const request = chat();
  onRefused(refusal, request.call);
  onRefused(refusal, request.call);
  onRefused(left, chat().call);
  const seen = chat();
  await assert.rejects(compose([call], async () => Promise.reject(refusal))(seen));
  onRefused(refusal, seen.call);
  const counts = (await sdk.points("gatewright.calls")).map(({ attributes, value }) => [
    ...Object.values(attributes),
    value,
  ]);
  assert.deepEqual(counts, [
    ["failed", "llm.request.invalid", 2],
    ["canceled", "llm.canceled", 1],
  ]);
  assert.equal(sdk.spans.length, 1);
});

test("dropped lines are read when metrics are collected, and those of several logs are added up", async () => {
  await using sdk = startSdk();
  const { observeDropped } = telemetry();
  assert.deepEqual(await sdk.points("gatewright.log.dropped"), []);
  let dropped = 1;
  observeDropped(() => dropped);
  observeDropped(() => 10);
  assert.equal((await sdk.points("gatewright.log.dropped"))[0]?.value, 11);
  dropped = 5;
  assert.equal((await sdk.points("gatewright.log.dropped"))[0]?.value, 15);
});

function circuit(target: string, state: Circuit["state"]): Circuit {
  return { target, state, calls: 1, failures: 1, probeInMs: 0 };
}
