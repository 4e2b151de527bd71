import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { GatewayError } from "@gatewright/core";
import type { SimulatedCall } from "@gatewright/simulator";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { listen } from "./listen.ts";
import { PROVIDER_KEY, startLab } from "./telemetry-lab.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "vendor=1", baggage: "user=alice" };

test("a caller's trace goes through the gateway to the provider", async () => {
  await using lab = await startLab();
  const answer = await lab.caller.ask("gpt-4o", { headers });
  assert.equal(answer.status, 200);
  const call = await lab.call();
  assert.equal(call.kind, SpanKind.SERVER);
  assert.equal(call.spanContext().traceId, TRACE);
  assert.equal(call.parentSpanContext?.spanId, PARENT);
  assert.equal(call.attributes["gatewright.request.id"], answer.headers["x-request-id"]);
  const [attempt, ...others] = lab.attempts();
  assert.equal(others.length, 0);
  assert.equal(attempt?.name, "chat gpt-4o");
  assert.equal(attempt?.attributes["gen_ai.provider.name"], "openai");
  belongsTo(attempt, call, lab.primary.calls[0]);
  assert.equal(lab.primary.calls[0]?.headers.tracestate, "vendor=1");
  assert.equal(lab.primary.calls[0]?.headers.baggage, undefined);
});

test("without a trace of the caller's, or with one that cannot be read and much baggage, one begins", async () => {
  for (const traceparent of [undefined, "00-xyz", `00-${TRACE}-${PARENT}`, "💥"]) {
    await using lab = await startLab();
    const baggage = Array.from({ length: 600 }, (_, at) => `key${at}=0123456789`).join(",");
    const sent = { ...(traceparent && { traceparent: encodeURIComponent(traceparent) }), baggage };
    assert.equal((await lab.caller.ask("gpt-4o", { headers: sent })).status, 200);
    const call = await lab.call();
    assert.equal(call.parentSpanContext, undefined);
    assert.notEqual(call.spanContext().traceId, TRACE);
    belongsTo(lab.attempts()[0], call, lab.primary.calls[0]);
    assert.equal(lab.primary.calls[0]?.headers.baggage, undefined);
  }
});

test("a retry is a second span under the same call", async () => {
  await using lab = await startLab();
  const answer = await lab.caller.ask("sim+status=503+times=1", { headers });
  assert.equal(answer.status, 200);
  const call = await lab.call();
  const [first, second, ...others] = lab.attempts();
  assert.equal(others.length, 0);
  belongsTo(first, call, lab.primary.calls[0]);
  belongsTo(second, call, lab.primary.calls[1]);
  assert.equal(first?.status.code, SpanStatusCode.ERROR);
  assert.equal(first?.attributes["error.type"], "llm.provider.overloaded");
  assert.equal(first?.attributes["http.response.status_code"], 503);
  assert.equal(second?.status.code, SpanStatusCode.UNSET);
  // What was cured is no failure of the call.
  assert.equal(call.status.code, SpanStatusCode.UNSET);
  assert.equal(call.attributes["error.type"], undefined);
  assert.equal(call.attributes["gatewright.call.retries"], 1);
  assert.deepEqual([await lab.count("gatewright.retries"), await lab.count("gatewright.fallbacks")], [1, 0]);
  assert.equal(await lab.count("gen_ai.client.operation.duration"), 2);
  assert.equal(await lab.count("gatewright.call.duration"), 1);
});

test("a fallback is a span of the other provider under the same call", async () => {
  await using lab = await startLab();
  const answer = await lab.caller.ask("sim+status=500", { headers });
  assert.equal(answer.status, 200);
  const call = await lab.call();
  const attempts = lab.attempts();
  const asked = attempts.map(({ attributes }) => attributes["gen_ai.provider.name"]);
  assert.deepEqual(asked, ["openai", "openai", "backup"]);
  belongsTo(attempts[2], call, lab.backup.calls[0]);
  assert.equal(attempts[2]?.attributes["gen_ai.request.model"], "backup");
  assert.equal(call.attributes["gatewright.request.model"], "sim+status=500");
  assert.deepEqual([await lab.count("gatewright.retries"), await lab.count("gatewright.fallbacks")], [1, 1]);
});

test("of a hedge, both tries are spans under the same call, and the one that lost is no failure", async () => {
  await using lab = await startLab({ hedges: true });
  const answer = await lab.caller.ask("sim+stall=headers+times=1", { headers });
  assert.equal(answer.status, 200);
  const call = await lab.call();
  const [lost, won, ...others] = lab.attempts();
  assert.equal(others.length, 0);
  belongsTo(lost, call, lab.primary.calls[0]);
  belongsTo(won, call, lab.primary.calls[1]);
  assert.equal(lost?.attributes["gatewright.outcome"], "canceled");
  assert.equal(lost?.status.code, SpanStatusCode.UNSET);
  assert.equal(won?.attributes["gatewright.outcome"], "completed");
  assert.deepEqual([await lab.count("gatewright.retries"), await lab.count("gatewright.fallbacks")], [0, 0]);
});

test("a stream that breaks off is an error of both spans, and what came of it was measured", async () => {
  await using lab = await startLab();
  const answer = await lab.caller.ask("sim+chunks=9+pace=5+cut=4", { stream: true, headers });
  assert.equal(answer.status, 200);
  assert.equal(answer.code, "llm.stream.interrupted");
  const call = await lab.call();
  for (const span of [call, ...lab.attempts()]) {
    assert.equal(span.status.code, SpanStatusCode.ERROR);
    assert.equal(span.attributes["error.type"], "llm.stream.interrupted");
    assert.equal(span.attributes["gatewright.outcome"], "interrupted");
  }
  assert.equal(lab.attempts().length, 1);
  assert.equal(await lab.count("gen_ai.client.operation.time_to_first_chunk"), 1);
  // A chunk with the role, and four of the answer.
  assert.equal(await lab.count("gen_ai.client.operation.time_per_output_chunk"), 4);
});

for (const [when, model, begun] of [
  ["before the answer", "sim+stall=headers", false],
  ["in its middle", "sim+chunks=500+pace=10", true],
] as const) {
  test(`a call whose caller leaves ${when} is canceled, which is no error`, async () => {
    await using lab = await startLab();
    const asked = lab.caller.start(model, { stream: true, headers });
    if (begun) await asked.head;
    else while (lab.primary.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    asked.leave();
    const call = await lab.call();
    const [attempt, ...others] = lab.attempts();
    assert.equal(others.length, 0);
    belongsTo(attempt, call, lab.primary.calls[0]);
    for (const span of [call, attempt]) {
      assert.equal(span?.status.code, SpanStatusCode.UNSET);
      assert.equal(span?.attributes["gatewright.outcome"], "canceled");
    }
    assert.equal(await lab.count("gatewright.calls"), 1);
    assert.equal(await lab.count("gatewright.call.active"), 0);
  });
}

test("a call that a layer refuses before anything is one span without any below, and an error", async () => {
  await using lab = await startLab({ keys: [{ name: "alice", key: "sk-caller-0123456789abcdef" }] });
  assert.equal((await lab.caller.ask("gpt-4o", { headers })).status, 401);
  const call = await lab.call();
  assert.equal(call.status.code, SpanStatusCode.ERROR);
  assert.equal(call.attributes["error.type"], "llm.auth.missing_key");
  assert.equal(lab.attempts().length, 0);
  assert.equal(await lab.count("gatewright.calls"), 1);
});

test("what never comes to the pipeline is counted, and makes no span", async () => {
  const admit = (): void => {
    throw new GatewayError("llm.overloaded", "not now");
  };
  const refused = { 503: { gateway: { admit } }, 400: {} };
  for (const [status, options] of Object.entries(refused)) {
    await using lab = await startLab(options);
    assert.equal((await lab.caller.ask("gpt-4o", { headers, body: { messages: 7 } })).status, Number(status));
    assert.equal(await lab.count("gatewright.calls"), 1);
    assert.equal(await lab.count("gatewright.call.duration"), 0);
    assert.ok(!(await lab.exported()).includes(TRACE));
  }
});

test("an answer that is replayed is a call of the gateway, and none of the provider", async () => {
  await using lab = await startLab();
  const once = { ...headers, "idempotency-key": "k" };
  for (const _ of [1, 2]) assert.equal((await lab.caller.ask("gpt-4o", { headers: once })).status, 200);
  assert.equal(lab.attempts().length, 1);
  assert.equal(await lab.count("gatewright.calls"), 2);
  assert.equal(await lab.count("gatewright.cache.lookups"), 2);
  assert.equal(await lab.count("gatewright.limit.decisions"), 1);
});

test("no key, no prompt and no answer is in a span or a metric, not even where the provider repeats them", async (t) => {
  const key = "sk-caller-0123456789abcdef";
  const prompt = "the-secret-of-the-prompt";
  const message = `Your key ${PROVIDER_KEY} may not say "${prompt}", nor Bearer ${key}.`;
  const quoting = await listen(
    createServer((request, response) => {
      request.resume().once("end", () => {
        response.writeHead(400, { "content-type": "application/json", "x-request-id": `req ${PROVIDER_KEY}` });
        response.end(JSON.stringify({ error: { message, type: prompt, code: prompt, param: prompt } }));
      });
    }),
  );
  t.after(() => quoting.close());
  const body = {
    messages: [{ role: "user", content: prompt }],
    tools: [{ type: "function", function: { name: "tell", description: prompt, parameters: {} } }],
    stop: ["sk-0123456789abcdef"],
    user: prompt,
    metadata: { note: prompt },
  };
  const caller = { authorization: `Bearer ${key}`, cookie: `session=${key}`, "x-note": prompt };
  const keys = [{ name: "alice", key }];
  for (const url of [undefined, `${quoting.url}/v1`]) {
    for (const stream of [false, true]) {
      for (const model of ["gpt-4o", "sk-0123456789abcdef", "sim+chunks=5+error-event=2", "sim+tool"]) {
        await using lab = await startLab({ keys, ...(url && { url }) });
        await lab.caller.ask(model, { stream, body, headers: { ...headers, ...caller } });
        await lab.call();
        assert.ok(lab.attempts().length > 0);
        const exported = await lab.exported();
        for (const secret of [key, PROVIDER_KEY, prompt, "sk-0123456789abcdef", "0123456789abcdef\\"]) {
          assert.ok(!exported.includes(secret), `${secret} of ${model} is in ${exported}`);
        }
      }
    }
  }
});

/** Checks that a call of a provider is below a call of the gateway, and that the provider was told so. */
function belongsTo(attempt: ReadableSpan | undefined, call: ReadableSpan, received: SimulatedCall | undefined): void {
  assert.ok(attempt && received);
  const { traceId, spanId } = attempt.spanContext();
  assert.equal(attempt.kind, SpanKind.CLIENT);
  assert.equal(attempt.parentSpanContext?.spanId, call.spanContext().spanId);
  assert.equal(traceId, call.spanContext().traceId);
  assert.equal(received.headers.traceparent, `00-${traceId}-${spanId}-01`);
}
