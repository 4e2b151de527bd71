import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatChunk, type Code, collect, compose, GatewayError } from "@gatewright/core";
import { chat, chunksOf, fakeClock } from "@gatewright/core/testing";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { telemetry } from "./telemetry.ts";
import { provider } from "./testing/provider.ts";
import { startSdk } from "./testing/sdk.ts";

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
    "gatewright.schema.version": "44136fa355b3",
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
