import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ChatChunk,
  type ChatRequest,
  type Code,
  collect,
  compose,
  GatewayError,
  traceHeaders,
} from "@gatewright/core";
import { chat, chunksOf, fakeClock } from "@gatewright/core/testing";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { telemetry } from "./telemetry.ts";
import { provider } from "./testing/provider.ts";
import { idOf, startSdk, traceparentOf } from "./testing/sdk.ts";

const usage = {
  prompt_tokens: 7,
  completion_tokens: 3,
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 2 },
};
const STREAM: readonly ChatChunk[] = [...chunksOf("a", "b"), { choices: [], usage }];

test("a call of a provider is a client span with what the conventions ask for", async () => {
  await using sdk = startSdk();
  const handler = compose([telemetry().attempt], provider("acme", STREAM));
  await collect(
    await handler(
      chat({
        model: "gpt-4o",
        stream: true,
        max_tokens: 10,
        temperature: 0.5,
        top_p: 0.9,
        top_k: 4,
        frequency_penalty: 1,
        presence_penalty: -1,
        seed: 42,
        n: 2,
        stop: "END",
        response_format: { type: "json_schema", json_schema: { name: "city", schema: {} } },
      }),
    ),
  );
  const [span, ...others] = sdk.spans;
  assert.equal(others.length, 0);
  assert.equal(span?.name, "chat gpt-4o");
  assert.equal(span?.kind, SpanKind.CLIENT);
  assert.deepEqual(span?.status, { code: SpanStatusCode.UNSET });
  assert.deepEqual(span?.events, []);
  const { "gatewright.request.id": id, "gen_ai.response.time_to_first_chunk": first, ...rest } = span?.attributes ?? {};
  assert.equal(typeof id, "string");
  assert.ok(typeof first === "number" && first >= 0 && first < 1);
  assert.deepEqual(rest, {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "acme",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.max_tokens": 10,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.top_k": 4,
    "gen_ai.request.frequency_penalty": 1,
    "gen_ai.request.presence_penalty": -1,
    "gen_ai.request.seed": 42,
    "gen_ai.request.choice.count": 2,
    "gen_ai.request.stop_sequences": ["END"],
    "gen_ai.request.stream": true,
    "gen_ai.output.type": "json",
    "gen_ai.response.id": "chatcmpl-scripted",
    "gen_ai.response.model": "test-model",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.usage.cache_read.input_tokens": 5,
    "gen_ai.usage.reasoning.output_tokens": 2,
    "http.response.status_code": 200,
    "gatewright.upstream.request_id": "req-1",
    "gatewright.schema.name": "city",
    "gatewright.outcome": "completed",
  });
});

test("what a request does not set is not in its span, and what is no number is not either", async () => {
  await using sdk = startSdk();
  const chunk = chunksOf("a").map((one) => ({ ...one, usage: { prompt_tokens: "7", completion_tokens: null } }));
  const odd: object = { n: 1, top_k: "4", seed: JSON.parse("[7]"), stream: false, temperature: null };
  // Some providers write numbers as texts, which the types do not allow.
  const handler = compose([telemetry().attempt], provider("acme", chunk as unknown as readonly ChatChunk[]));
  await collect(await handler(chat(odd)));
  assert.deepEqual(Object.keys(sdk.spans[0]?.attributes ?? {}).sort(), [
    "gatewright.outcome",
    "gatewright.request.id",
    "gatewright.upstream.request_id",
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.id",
    "gen_ai.response.model",
    "http.response.status_code",
  ]);
  assert.deepEqual(await sdk.points("gen_ai.client.token.usage"), []);
  assert.deepEqual(await sdk.points("gen_ai.client.operation.time_to_first_chunk"), []);
  assert.deepEqual(await sdk.points("gen_ai.client.operation.time_per_output_chunk"), []);
});

test("a provider has the name that the conventions give it, and OpenAI the attributes of its own", async () => {
  await using sdk = startSdk();
  const { attempt } = telemetry({ providers: { eu: "openai" } });
  const more = chunksOf("a").map((one) => ({ ...one, service_tier: "default", system_fingerprint: "fp" }));
  for (const name of ["eu", "gemini", "acme"]) {
    const request = chat({ service_tier: "flex" });
    await collect(await compose([attempt], provider(name, more))(request));
  }
  const names = sdk.spans.map(({ attributes }) => attributes["gen_ai.provider.name"]);
  assert.deepEqual(names, ["openai", "gcp.gemini", "acme"]);
  const [openai, gemini] = sdk.spans.map(({ attributes }) =>
    Object.fromEntries(Object.entries(attributes).filter(([name]) => name.startsWith("openai."))),
  );
  assert.deepEqual(gemini, {});
  assert.deepEqual(openai, {
    "openai.api.type": "chat_completions",
    "openai.request.service_tier": "flex",
    "openai.response.service_tier": "default",
    "openai.response.system_fingerprint": "fp",
  });
});

test("a handler that notes no attempt is a provider all the same", async () => {
  await using sdk = startSdk();
  const { attempt } = telemetry();
  const reply = { headers: { "x-gateway-provider": "mine" }, chunks: ReadableStream.from(chunksOf("a")) };
  await collect(await compose([attempt], async () => reply)(chat()));
  await assert.rejects(compose([attempt], async () => Promise.reject(new Error("no")))(chat()));
  const names = sdk.spans.map(({ attributes }) => attributes["gen_ai.provider.name"]);
  assert.deepEqual(names, ["mine", "_OTHER"]);
});

test("its metrics tell the time, the first chunk, the pace and the tokens, by provider and model", async () => {
  await using sdk = startSdk();
  const clock = fakeClock();
  const { attempt } = telemetry({ clock });
  const slow = async function* (): AsyncGenerator<ChatChunk> {
    await clock.advance(500);
    for (const chunk of STREAM) {
      yield chunk;
      await clock.advance(100);
    }
  };
  const handler = compose(
    [attempt],
    provider("acme", async () => ({ headers: {}, chunks: slow() })),
  );
  await collect(await handler(chat({ model: "gpt-4o", stream: true })));
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "acme",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "test-model",
  };
  // The first chunk holds a role alone, and what is visible came 100 ms after it. Four chunks are parts of the answer.
  assert.deepEqual(await sdk.points("gen_ai.client.operation.duration"), [{ attributes, value: 1, sum: 1 }]);
  assert.deepEqual(await sdk.points("gen_ai.client.operation.time_to_first_chunk"), [
    { attributes, value: 1, sum: 0.6 },
  ]);
  const [pace] = await sdk.points("gen_ai.client.operation.time_per_output_chunk");
  assert.deepEqual(pace?.attributes, attributes);
  assert.equal(pace?.value, 3);
  assert.ok(Math.abs(Number(pace?.sum) - 0.2) < 1e-9);
  assert.deepEqual(await sdk.points("gen_ai.client.token.usage"), [
    { attributes: { ...attributes, "gen_ai.token.type": "input" }, value: 1, sum: 7 },
    { attributes: { ...attributes, "gen_ai.token.type": "output" }, value: 1, sum: 3 },
  ]);
});

/** What a failure's span says of it, by its code: what a provider said may hold a part of the prompt. */
const DESCRIPTIONS: Partial<Record<Code, string | undefined>> = {
  "llm.provider.overloaded": undefined,
  "llm.provider.rejected": undefined,
  "llm.request.invalid": undefined,
  "llm.output.invalid_json": undefined,
  "llm.timeout.first_token": "The key sk-*** was no help.",
  "llm.provider.unreachable": "The key sk-*** was no help.",
};

for (const [code, message] of Object.entries(DESCRIPTIONS)) {
  test(`${code} is the type of the error, and its description ${message === undefined ? "is left out" : "is masked"}`, async () => {
    await using sdk = startSdk();
    // The keys of the table are codes.
    const error = new GatewayError(code as Code, "The key sk-abcdefgh was no help.");
    await assert.rejects(compose([telemetry().attempt], provider("acme", error))(chat()), error);
    const [span, ...others] = sdk.spans;
    assert.equal(others.length, 0);
    assert.equal(span?.attributes["error.type"], code);
    assert.equal(span?.attributes["gatewright.outcome"], "failed");
    assert.deepEqual(span?.status, { code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
    assert.deepEqual(span?.events, []);
    const [point] = await sdk.points("gen_ai.client.operation.duration");
    assert.equal(point?.attributes["error.type"], code);
    assert.equal(point?.attributes["gen_ai.provider.name"], "acme");
  });
}

test("an answer that breaks off is an error, with what was seen of it", async () => {
  await using sdk = startSdk();
  const cut = new GatewayError("llm.stream.interrupted", "cut", { phase: "during" });
  const handler = compose([telemetry().attempt], provider("acme", [...chunksOf("a").slice(0, 2), cut]));
  await assert.rejects(collect(await handler(chat({ stream: true }))), { code: cut.code });
  const [span, ...others] = sdk.spans;
  assert.equal(others.length, 0);
  assert.equal(span?.attributes["gatewright.outcome"], "interrupted");
  assert.equal(span?.attributes["gen_ai.response.model"], "test-model");
  assert.equal(span?.attributes["gen_ai.response.finish_reasons"], undefined);
  assert.deepEqual(span?.status, { code: SpanStatusCode.ERROR, message: "cut" });
});

test("an answer that nobody wants any more is no error of the provider's, but does not count as a whole one", async () => {
  await using sdk = startSdk();
  const reply = await compose([telemetry().attempt], provider("acme", STREAM))(chat({ stream: true }));
  for await (const _ of reply.chunks) break;
  const [span] = sdk.spans;
  assert.deepEqual(span?.status, { code: SpanStatusCode.UNSET });
  assert.equal(span?.attributes["gatewright.outcome"], "canceled");
  assert.equal(span?.attributes["error.type"], "llm.canceled");
  const [point] = await sdk.points("gen_ai.client.operation.duration");
  assert.equal(point?.attributes["error.type"], "llm.canceled");
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

function headersOf(request: ChatRequest | undefined): Readonly<Record<string, string>> {
  assert.ok(request);
  return request.call.context.get(traceHeaders);
}
