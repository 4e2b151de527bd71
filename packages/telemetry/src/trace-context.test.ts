import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatRequest, collect, compose, type Middleware, traceHeaders } from "@gatewright/core";
import { chat, chunksOf } from "@gatewright/core/testing";
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { telemetry } from "./telemetry.ts";
import { provider } from "./testing/provider.ts";
import { idOf, startSdk, traceparentOf } from "./testing/sdk.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

test("a trace that a caller began goes on", async () => {
  await using sdk = startSdk();
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  await collect(await compose([telemetry().call], provider("acme", "Hi"))(chat("Hi", { headers })));
  const [span] = sdk.spans;
  assert.equal(span?.kind, SpanKind.SERVER);
  assert.equal(span?.spanContext().traceId, TRACE);
  assert.equal(span?.parentSpanContext?.spanId, PARENT);
});

const unreadable = {
  "no traceparent": undefined,
  "an empty one": "",
  "one that is too short": `00-${TRACE}-${PARENT}`,
  "one of zeros": `00-${"0".repeat(32)}-${PARENT}-01`,
  "a version that is none": `ff-${TRACE}-${PARENT}-01`,
  "two of them": `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
  "one of 100 KB": `00-${"a".repeat(100_000)}-${PARENT}-01`,
};

for (const [what, traceparent] of Object.entries(unreadable)) {
  test(`a call with ${what} begins a trace`, async () => {
    await using sdk = startSdk();
    const headers = traceparent === undefined ? {} : { traceparent, tracestate: "a=1" };
    await collect(await compose([telemetry().call], provider("acme", "Hi"))(chat("Hi", { headers })));
    const [span] = sdk.spans;
    assert.equal(span?.parentSpanContext, undefined);
    assert.notEqual(span?.spanContext().traceId, TRACE);
    assert.equal(span?.spanContext().traceState, undefined);
  });
}

test("within a span of the HTTP server, a call is its child, and not a sibling", async () => {
  await using sdk = startSdk();
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  const server = trace.getTracer("http").startSpan("POST", {}, propagation.extract(context.active(), headers));
  await context.with(trace.setSpan(context.active(), server), async () => {
    await collect(await compose([telemetry().call], provider("acme", "Hi"))(chat("Hi", { headers })));
  });
  assert.equal(sdk.spans[0]?.kind, SpanKind.INTERNAL);
  assert.equal(sdk.spans[0]?.parentSpanContext?.spanId, server.spanContext().spanId);
});

test("a span of another trace that is active by chance is not the parent of a caller's", async () => {
  await using sdk = startSdk();
  const startUp = trace.setSpan(context.active(), trace.getTracer("mine").startSpan("start-up"));
  const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
  await context.with(startUp, async () => {
    await collect(await compose([telemetry().call], provider("acme", "Hi"))(chat("Hi", { headers })));
  });
  assert.equal(sdk.spans[0]?.parentSpanContext?.spanId, PARENT);
});

test("baggage of a caller goes nowhere, and neither does that of whoever mounts the gateway", async () => {
  await using _ = startSdk();
  let seen: unknown;
  const looking: Middleware = (request, next) => {
    const sent: Record<string, string> = {};
    propagation.inject(context.active(), sent);
    seen = sent;
    return next(request);
  };
  const baggage = Array.from({ length: 500 }, (_, at) => `key${at}=a-value-of-20-bytes`).join(",");
  assert.ok(baggage.length > 10_000);
  const mounted = propagation.setBaggage(context.active(), propagation.createBaggage({ tenant: { value: "acme" } }));
  const traceparent = `00-${TRACE}-${PARENT}-01`;
  const { call, attempt } = telemetry();
  for (const layers of [
    [call, looking],
    [call, attempt, looking],
    [attempt, looking],
  ]) {
    await context.with(mounted, async () => {
      await collect(await compose(layers, provider("acme", "Hi"))(chat("Hi", { headers: { traceparent, baggage } })));
    });
    assert.deepEqual(Object.keys(Object(seen)), ["traceparent"]);
  }
});

test("the provider is given the trace, and nothing else", async () => {
  await using sdk = startSdk();
  const below = provider("acme", "Hi");
  const { call, attempt } = telemetry();
  const headers = {
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "vendor=1",
    baggage: "user=alice",
  };
  await collect(await compose([call, attempt], below)(chat("Hi", { headers })));
  const [span] = sdk.named("chat");
  assert.ok(span);
  assert.deepEqual(headersOf(below.requests[0]), {
    traceparent: traceparentOf(span.spanContext()),
    tracestate: "vendor=1",
  });
  assert.equal(span.spanContext().traceId, "0af7651916cd43dd8448eb211c80319c");
});

test("a trace that is not to be passed on is not, and what a layer below sets is kept", async () => {
  await using _ = startSdk();
  const below = provider("acme", "Hi", "Hi");
  const { attempt } = telemetry({ propagate: false });
  await collect(await compose([attempt], below)(chat()));
  assert.deepEqual(headersOf(below.requests[0]), {});
  const setting = compose([attempt], async (request) => {
    request.call.context.set(traceHeaders, { traceparent: "own" });
    return below(request);
  });
  await collect(await setting(chat()));
  assert.deepEqual(headersOf(below.requests[1]), { traceparent: "own" });
});

test("of other propagators nothing is passed on, and nothing that no header can hold", async () => {
  await using _ = startSdk();
  const below = provider("acme", "Hi");
  const asked: unknown[] = [];
  propagation.disable();
  propagation.setGlobalPropagator({
    inject(_context, carrier, setter) {
      for (const name of ["b3", "baggage", "tracestate"]) setter.set(carrier, name, "a=1");
      setter.set(carrier, "traceparent", "00-\r\nevil: 1");
    },
    extract(parent, carrier, getter) {
      asked.push(getter.keys(carrier), getter.get(carrier, "b3"), getter.get(carrier, "baggage"));
      return parent;
    },
    fields: () => [],
  });
  const { call, attempt } = telemetry();
  await collect(await compose([call, attempt], below)(chat("Hi", { headers: { b3: "0", baggage: "user=alice" } })));
  assert.deepEqual(headersOf(below.requests[0]), { tracestate: "a=1" });
  assert.deepEqual(asked, [["b3"], "0", undefined]);
});

test("a propagator without an SDK passes a caller's trace on", async () => {
  propagation.setGlobalPropagator({
    inject(from, carrier, setter) {
      const { traceId = "", spanId = "" } = trace.getSpanContext(from) ?? {};
      setter.set(carrier, "traceparent", `00-${traceId}-${spanId}-01`);
    },
    extract: (into) => trace.setSpanContext(into, { traceId: TRACE, spanId: PARENT, traceFlags: 1, isRemote: true }),
    fields: () => ["traceparent"],
  });
  try {
    const below = provider("acme", "Hi");
    const { call, attempt } = telemetry();
    await collect(await compose([call, attempt], below)(chat()));
    assert.deepEqual(headersOf(below.requests[0]), { traceparent: `00-${TRACE}-${PARENT}-01` });
  } finally {
    propagation.disable();
  }
});

test("a trace that is not sampled is passed on as such, and measured all the same", async () => {
  await using sdk = startSdk({ sampler: new AlwaysOffSampler() });
  const below = provider("acme", "Hi");
  const { call, attempt } = telemetry();
  await collect(await compose([call, attempt], below)(chat()));
  assert.match(headersOf(below.requests[0]).traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.equal(sdk.spans.length, 0);
  assert.equal((await sdk.points("gen_ai.client.operation.duration")).length, 1);
  assert.equal((await sdk.points("gatewright.calls")).length, 1);
});

for (const contexts of [true, false]) {
  test(`calls that run at once have each their own parent, ${contexts ? "with" : "without"} a context manager`, async () => {
    await using sdk = startSdk({ contexts });
    const { call, attempt } = telemetry();
    const handler = compose([call, attempt], async ({ model }) => {
      await new Promise((resolve) => setTimeout(resolve, model === "a" ? 5 : 1));
      return { headers: {}, chunks: ReadableStream.from(chunksOf("x")) };
    });
    await Promise.all(["a", "b"].map(async (model) => collect(await handler(chat({ model })))));
    for (const model of ["a", "b"]) {
      const [span] = sdk.named(`chat ${model}`);
      const parent = sdk
        .named("gatewright.call")
        .find(({ attributes }) => attributes["gatewright.request.model"] === model);
      assert.equal(span?.parentSpanContext?.spanId, idOf(parent));
    }
  });
}

test("a span of a layer in between is the parent, and one of the provider's is a child", async () => {
  await using sdk = startSdk();
  const tracer = trace.getTracer("mine");
  const { call, attempt } = telemetry();
  const handler = compose(
    [
      call,
      (request, next) =>
        tracer.startActiveSpan("between", async (span) => {
          const reply = await next(request);
          span.end();
          return reply;
        }),
      attempt,
    ],
    async () => {
      tracer.startSpan("within").end();
      return { headers: {}, chunks: ReadableStream.from(chunksOf("x")) };
    },
  );
  await collect(await handler(chat()));
  const [outer] = sdk.named("gatewright.call");
  const [between] = sdk.named("between");
  const [own] = sdk.named("chat");
  const [within] = sdk.named("within");
  assert.equal(between?.parentSpanContext?.spanId, idOf(outer));
  assert.equal(own?.parentSpanContext?.spanId, idOf(between));
  assert.equal(within?.parentSpanContext?.spanId, idOf(own));
});

test("what is active by chance, because another call left it, is not the parent", async () => {
  await using sdk = startSdk();
  const { call, attempt } = telemetry();
  const other = trace.setSpan(context.active(), trace.getTracer("mine").startSpan("other"));
  const handler = compose(
    [call, (request, next) => context.with(other, next, undefined, request), attempt],
    provider("acme", "Hi"),
  );
  await collect(await handler(chat()));
  assert.equal(sdk.named("chat")[0]?.parentSpanContext?.spanId, idOf(sdk.named("gatewright.call")[0]));
});

test("without the outer layer, what is active is the parent", async () => {
  await using sdk = startSdk();
  const handler = compose([telemetry().attempt], provider("acme", "Hi"));
  await trace.getTracer("mine").startActiveSpan("mine", async (span) => {
    await collect(await handler(chat()));
    span.end();
  });
  assert.equal(sdk.named("chat")[0]?.parentSpanContext?.spanId, idOf(sdk.named("mine")[0]));
});

test("the parent of what a provider is sent is the span of its own call", async () => {
  await using sdk = startSdk();
  const { call, attempt } = telemetry();
  await collect(await compose([call, attempt], provider("acme", "Hi"))(chat()));
  const [own] = sdk.named("chat");
  const [outer] = sdk.named("gatewright.call");
  assert.ok(own && outer);
  assert.equal(own.parentSpanContext?.spanId, idOf(outer));
  assert.notEqual(traceparentOf(own.spanContext()), traceparentOf(outer.spanContext()));
});
function headersOf(request: ChatRequest | undefined): Readonly<Record<string, string>> {
  assert.ok(request);
  return request.call.context.get(traceHeaders);
}
