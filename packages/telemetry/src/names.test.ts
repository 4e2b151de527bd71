import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, compose, GatewayError, textReply } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { Names } from "./names.ts";
import { shownName } from "./shown.ts";
import { telemetry } from "./telemetry.ts";
import { provider } from "./testing/provider.ts";
import { startSdk } from "./testing/sdk.ts";

test("so many names are told apart, and what has not answered gets at most half of the places", () => {
  const names = new Names();
  for (let at = 0; at < 1000; at++) names.admit(`down-${at}`, false);
  for (let at = 0; at < 1000; at++) names.admit(`up-${at}`, true);
  assert.equal(names.of("down-99"), "down-99");
  assert.equal(names.of("down-100"), "_OTHER");
  assert.equal(names.of("up-99"), "up-99");
  assert.equal(names.of("up-100"), "_OTHER");
});

test("a name is shown without what looks like a key, and not at any length", () => {
  assert.equal(shownName("gpt-4o"), "gpt-4o");
  for (const _ of [1, 2]) assert.equal(shownName("sk-0123456789abcdef"), "sk-***");
  assert.equal(shownName("x".repeat(5000)).length, 128);
  assert.equal(shownName(""), "_OTHER");
});

test("names that callers make up are no values of metrics, and no names of spans", async () => {
  await using sdk = startSdk();
  const { call, attempt } = telemetry();
  const rejected = new GatewayError("llm.provider.rejected", "no");
  const unknown = new GatewayError("llm.model.not_found", "no", { origin: "upstream", remedy: "fallback" });
  const key = new GatewayError("llm.provider.auth", "no");
  const down = new GatewayError("llm.provider.server_error", "down");
  const busy = new GatewayError("llm.provider.rate_limited", "busy");
  const pipeline = compose([call, attempt], provider("acme", rejected, unknown, key, down, busy, "Hi"));
  for (const model of ["made-up-1", "made-up-2", "made-up-3", "down", "busy"]) {
    await assert.rejects(pipeline(chat({ model })));
  }
  await collect(await pipeline(chat({ model: "real" })));
  const counts = await sdk.points("gen_ai.client.operation.duration");
  const models = counts.map(({ attributes, value }) => [attributes["gen_ai.request.model"], value]);
  assert.deepEqual(models, [
    ["_OTHER", 1],
    ["_OTHER", 1],
    ["_OTHER", 1],
    ["down", 1],
    ["busy", 1],
    ["real", 1],
  ]);
  assert.ok(!JSON.stringify(await sdk.metrics()).includes("made-up"));
  assert.deepEqual(
    sdk.spans.filter(({ name }) => name.startsWith("chat")).map(({ name }) => name),
    ["chat", "chat", "chat", "chat down", "chat busy", "chat real"],
  );
  // A span has the name all the same, as a value.
  assert.equal(sdk.spans[0]?.attributes["gen_ai.request.model"], "made-up-1");
});

test("a call that asked nobody names no model in metrics, unless it has answered before", async () => {
  await using sdk = startSdk();
  const { call } = telemetry();
  const refusing = compose([call], async () => Promise.reject(new GatewayError("llm.rate_limit.requests", "no")));
  const answering = compose([call], provider("acme", "Hi"));
  const itself = compose([call], async () => textReply("Hi"));
  const models = async (): Promise<unknown[]> =>
    (await sdk.points("gatewright.call.duration")).map(({ attributes }) => attributes["gen_ai.request.model"]);
  await assert.rejects(refusing(chat({ model: "known" })));
  await collect(await itself(chat({ model: "known" })));
  assert.deepEqual(await models(), ["_OTHER", "_OTHER"]);
  await collect(await answering(chat({ model: "known" })));
  await assert.rejects(refusing(chat({ model: "known" })));
  assert.deepEqual(await models(), ["_OTHER", "_OTHER", "known", "known"]);
});
