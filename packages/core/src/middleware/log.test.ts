import assert from "node:assert/strict";
import { test } from "node:test";
import { attempts } from "../attempts.ts";
import { caller } from "../caller.ts";
import type { ChatChunk, Handler } from "../chat.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { type Attempt, GatewayError } from "../error.ts";
import { HeldChunks } from "../held-chunks.ts";
import type { CallRecord, LogOptions } from "../index.ts";
import { noteLookup } from "../notes.ts";
import { settled } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, scripted } from "../testing.ts";
import { log } from "./log.ts";
import { rateLimit } from "./rate-limit.ts";

const USAGE = {
  prompt_tokens: 1200,
  completion_tokens: 300,
  total_tokens: 1500,
  prompt_tokens_details: { cached_tokens: 1000 },
  completion_tokens_details: { reasoning_tokens: 64 },
};

const ATTEMPTS: readonly Attempt[] = [
  { provider: "azure", model: "gpt-4o", status: 503, durationMs: 12.345, code: "llm.provider.overloaded" },
  { provider: "azure", model: "gpt-4o", durationMs: 1, code: "llm.provider.unreachable" },
  { provider: "openai", model: "gpt-4o-mini", status: 200, durationMs: 80, upstreamRequestId: "req_7" },
];

test("a record holds everything that an incident needs", async () => {
  const clock = fakeClock();
  const records: CallRecord[] = [];
  const answer: ChatChunk = {
    model: "gpt-4o-mini-2024",
    choices: [
      {
        index: 0,
        delta: { tool_calls: [{ id: "1", type: "function", function: { name: "get_weather", arguments: "{}" } }] },
        finish_reason: "tool_calls",
        post_processing: [{ type: "json", path: "x", verdict: "repaired", fixes: ["quotes"] }],
      },
    ],
    usage: USAGE,
  };
  const provider: Handler = async ({ call }) => {
    await clock.advance(90);
    call.context.set(attempts, ATTEMPTS);
    const headers = { "x-gateway-provider": "openai", "x-gateway-model": "gpt-4o-mini-2024" };
    return { headers, chunks: new HeldChunks([answer]) };
  };
  const handler = compose(
    [
      log({
        sink: { write: (record) => void records.push(record) },
        environment: "production",
        region: "eu-1",
        prices: { "gpt-4o-mini*": { input: 2.5, output: 10, cachedInput: 1.25 } },
        clock,
      }),
      rateLimit({ limits: [{ requests: 10, windowMs: 1000 }] }),
      async (request, next) => {
        noteLookup(request.call, "idempotency", false);
        return next(request);
      },
    ],
    provider,
  );
  const schema = { name: "weather", schema: { type: "object" } };
  const request = chat(
    { model: "gpt-4o", response_format: { type: "json_schema", json_schema: schema } },
    { id: "r1" },
  );
  request.call.context.set(caller, { name: "alice" });
  const before = Date.now();
  await collect(await handler(request));

  assert.equal(records.length, 1);
  const { time, ...record } = records[0] as CallRecord;
  assert.ok(Date.parse(time) >= before && Date.parse(time) <= Date.now());
  assert.deepEqual(record, {
    request_id: "r1",
    environment: "production",
    region: "eu-1",
    caller: "key alice",
    operation: "chat",
    model: "gpt-4o",
    answered_by: "gpt-4o-mini-2024",
    provider: "openai",
    stream: false,
    status: 200,
    outcome: "completed",
    partial: false,
    attempts: [
      { provider: "azure", model: "gpt-4o", status: 503, code: "llm.provider.overloaded", duration_ms: 12.3 },
      { provider: "azure", model: "gpt-4o", code: "llm.provider.unreachable", duration_ms: 1 },
      { provider: "openai", model: "gpt-4o-mini", status: 200, duration_ms: 80, upstream_request_id: "req_7" },
    ],
    retries: 1,
    fallbacks: 1,
    tokens: { input: 1200, output: 300, cached: 1000, reasoning: 64 },
    cost: 0.00475,
    total_ms: 90,
    finish_reasons: ["tool_calls"],
    tools: ["get_weather"],
    schema: { name: "weather", version: "a2c799262a3c" },
    limits: [{ layer: "rateLimit", name: "requests per caller", allowed: true, remaining: 9, capacity: 10 }],
    cache: [{ layer: "idempotency", hit: false }],
    post_processing: [{ type: "json", path: "x", verdict: "repaired", fixes: ["quotes"] }],
  });
});

test("what there is not is left out", async () => {
  const { records, handler } = setUp(scripted("Hello"));
  await collect(await handler(chat({ model: "m" }, { address: "10.0.0.7" })));
  const { time: _, request_id: __, total_ms: ___, ...record } = records[0] as CallRecord;
  assert.deepEqual(record, {
    caller: "address 10.0.0.7",
    operation: "chat",
    model: "m",
    answered_by: "m",
    stream: false,
    status: 200,
    outcome: "completed",
    partial: false,
    attempts: [],
    retries: 0,
    fallbacks: 0,
    finish_reasons: ["stop"],
  });
});

test("times are those of the first visible piece and of the end", async () => {
  const clock = fakeClock();
  const { records, handler } = setUp(
    async () => {
      await clock.advance(100);
      const chunks = async function* (): AsyncGenerator<ChatChunk> {
        for (const chunk of chunksOf("a", "b")) {
          yield chunk;
          await clock.advance(10);
        }
      };
      return { headers: {}, chunks: chunks() };
    },
    { clock },
  );
  await collect(await handler(chat({ stream: true })));
  // The first of the chunks says nothing.
  assert.equal(records[0]?.first_token_ms, 110);
  assert.equal(records[0]?.total_ms, 140);
});

test("calls are passed on as they are, and so are their answers and errors", async () => {
  const failure = new GatewayError("llm.provider.overloaded", "busy");
  const provider = scripted(chunksOf("a", "b"), failure);
  const { handler } = setUp(provider);
  const request = chat();
  const { choices } = await collect(await handler(request));
  assert.equal(choices[0]?.message.content, "ab");
  assert.equal(provider.requests[0], request);
  await assert.rejects(handler(chat()), (thrown) => thrown === failure);
});

test("prompts and answers are in no record, unless a redactor shows them", async () => {
  const off = setUp(scripted("The answer."));
  await collect(await off.handler(chat("The question.")));
  assert.doesNotMatch(JSON.stringify(off.records), /question|answer\./);

  const on = setUp(scripted("The answer."), { content: (text) => text.replace("The", "A") });
  await collect(await on.handler(chat("The question.")));
  assert.deepEqual(on.records[0]?.content, { prompt: "user: A question.", answer: "A answer." });
});

test("where the redactor fails, nothing of the content is shown, and all the rest is", async () => {
  for (const content of [throws, async () => Promise.reject(new Error("async")), () => 5]) {
    // A redactor that is none, as it may come without types.
    const { records, handler } = setUp(scripted("The answer."), {
      content: content as unknown as (text: string) => string,
    });
    await collect(await handler(chat("The question.")));
    await settled();
    assert.equal(records[0]?.outcome, "completed");
    assert.equal(records[0]?.content, undefined);
  }
});

test("two logs write a record each, and one that is mounted twice writes one", async () => {
  const records: CallRecord[] = [];
  const sink = { write: (record: CallRecord) => void records.push(record) };
  const one = log({ sink });
  await collect(await compose([one, one, log({ sink })], scripted("a"))(chat()));
  assert.equal(records.length, 2);
});

test("a bad option is named", () => {
  const sink = { write: () => {} };
  const bad: Readonly<Record<string, object>> = {
    sink: {},
    environment: { sink, environment: "" },
    region: { sink, region: 5 },
    content: { sink, content: "yes" },
    onDrop: { sink, onDrop: true },
    maxContentChars: { sink, maxContentChars: 0 },
    maxPending: { sink, maxPending: 1.5 },
    'prices\\["gpt"\\].input': { sink, prices: { gpt: { output: 1 } } },
    'prices\\["gpt"\\].cachedInput': { sink, prices: { gpt: { input: 1, output: 1, cachedInput: -1 } } },
    'prices\\["gpt"\\]': { sink, prices: { gpt: 5 } },
  };
  for (const [option, options] of Object.entries(bad)) {
    // What is tested is what types forbid.
    assert.throws(() => log(options as LogOptions), { name: "TypeError", message: new RegExp(`^log: ${option} must`) });
  }
});

function setUp(provider: Handler, options: Partial<LogOptions> = {}): { records: CallRecord[]; handler: Handler } {
  const records: CallRecord[] = [];
  const sink = { write: (record: CallRecord) => void records.push(record) };
  return { records, handler: compose([log({ sink, ...options })], provider) };
}

function throws(): never {
  throw new Error("redactor");
}

test("tokens and costs are those of all tries, also where the call failed", async () => {
  const records: CallRecord[] = [];
  const prices = { cheap: { input: 1, output: 2 }, dear: { input: 10, output: 20 } };
  const handler = compose(
    [log({ sink: { write: (record) => void records.push(record) }, prices })],
    async ({ call }) => {
      const usage = { prompt_tokens: 1000, completion_tokens: 500, prompt_tokens_details: { cached_tokens: 100 } };
      const startedAt = Date.now() + 40;
      call.context.set(attempts, [
        { provider: "p", model: "cheap", status: 200, startedAt, firstTokenMs: 3.14, durationMs: 9.99, usage },
        {
          provider: "p",
          model: "dear",
          status: 200,
          startedAt,
          durationMs: 5,
          usage: JSON.parse('{"prompt_tokens":"7"}'),
        },
        { provider: "p", model: "dear", status: 200, startedAt, durationMs: 5, usage },
      ]);
      throw new GatewayError("llm.output.schema_mismatch", "no");
    },
  );
  await assert.rejects(handler(chat({ model: "cheap" })));
  await settled();
  const [record] = records;
  // Numbers that come as texts are none.
  assert.deepEqual(record?.tokens, { input: 2000, output: 1000, cached: 200 });
  assert.equal(record?.cost, (1000 + 500 * 2 + 1000 * 10 + 500 * 20) / 1e6);
  const [first] = record?.attempts ?? [];
  assert.ok((first?.started_ms ?? 0) >= 39 && (first?.started_ms ?? 0) < 2000);
  assert.deepEqual([first?.first_token_ms, first?.duration_ms], [3.1, 10]);
});
