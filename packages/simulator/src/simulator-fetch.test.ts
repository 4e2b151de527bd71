import assert from "node:assert/strict";
import { test } from "node:test";
import { simulatorFetch } from "./simulator-fetch.ts";

const simulate = simulatorFetch();

function ask(model: string, stream = false, init: RequestInit = {}): Promise<Response> {
  const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: "one two three" }] });
  return simulate("http://simulator/v1/chat/completions", { method: "POST", body, ...init });
}

const failsWith = (code: string) => (error: unknown) =>
  error instanceof TypeError && error.cause instanceof Error && "code" in error.cause && error.cause.code === code;

test("takes what fetch takes", async () => {
  assert.equal((await simulate(new URL("http://simulator/v1/models"))).status, 200);
  const request = new Request("http://simulator/v1/chat/completions", {
    method: "POST",
    headers: { "x-simulate": "status=503" },
    body: '{"model":"sim","messages":[{}]}',
  });
  assert.equal((await simulate(request)).status, 503);
});

test("a connection that fails before the response is a rejection", async () => {
  await assert.rejects(ask("sim+reset"), failsWith("ECONNRESET"));
  await assert.rejects(ask("sim+close"), failsWith("UND_ERR_SOCKET"));
  await assert.rejects(ask("sim+bad-header"), failsWith("HPE_INVALID_CONSTANT"));
  await assert.rejects(ask("sim+bad-status-line"), failsWith("HPE_INVALID_CONSTANT"));
});

test("one that fails later is an error after everything before it", async () => {
  for (const [model, stream, code] of [
    ["sim+reset=2", true, "ECONNRESET"],
    ["sim+close=2", true, "UND_ERR_SOCKET"],
    ["sim+truncate", false, "UND_ERR_SOCKET"],
  ] as const) {
    const response = await ask(model, stream);
    let text = "";
    await assert.rejects(async () => {
      for await (const piece of response.body ?? []) text += Buffer.from(piece).toString();
    }, failsWith(code));
    assert.match(text, /two /);
  }
});

test("an abort ends a call that is silent, before the response or within it", async () => {
  const before = new AbortController();
  const silent = ask("sim+stall", false, { signal: before.signal });
  before.abort(new Error("enough"));
  await assert.rejects(silent, /enough/);
  const within = new AbortController();
  const response = await ask("sim+stall=1", true, { signal: within.signal });
  const text = response.text();
  within.abort(new Error("enough"));
  await assert.rejects(text, /enough/);
  await assert.rejects(ask("sim", false, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
});

test("a body that is canceled stops, and its wait with it", async () => {
  const response = await ask("sim+pace=3600000", true);
  const reader = response.body?.getReader();
  await reader?.read();
  const pending = reader?.read();
  await reader?.cancel();
  assert.equal((await pending)?.done, true);
});

test("bodies are decoded as fetch does", async () => {
  const stacked = await ask("sim+gzip=stacked");
  assert.equal(((await stacked.json()) as { object: string }).object, "chat.completion");
  await assert.rejects(async () => (await ask("sim+gzip=corrupt")).text());
  let length = 0;
  for await (const piece of (await ask("sim+gzip=bomb")).body ?? []) length += piece.length;
  assert.ok(length > 128 * 1_048_576);
});

test("what has no place in a Response is left out", async () => {
  const response = await ask("sim+early-hints+unsolicited");
  assert.equal(((await response.json()) as { object: string }).object, "chat.completion");
  assert.equal((await ask("sim+status=204")).status, 204);
  assert.equal((await ask("sim+redirect")).status, 302);
});

test("names a bad option", () => {
  assert.throws(() => simulatorFetch({ seed: 1.5 }), { name: "TypeError", message: /^seed/ });
  assert.throws(() => simulatorFetch({ apiKey: "" }), { name: "TypeError", message: /^apiKey/ });
});
