import assert from "node:assert/strict";
import { test } from "node:test";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import type { Attempt } from "../error.ts";
import { attempts, type CallRecord, type Handler, HeldChunks, idempotency, log } from "../index.ts";
import { chat } from "../testing.ts";
import { readPrices } from "./prices.ts";

const PRICES = {
  "gpt-4o-mini*": { input: 0.15, output: 0.6 },
  "gpt-*": { input: 2.5, output: 10, cachedInput: 1.25 },
  "gpt-4o-mini-free": { input: 0, output: 0 },
  __proto__: { input: 1, output: 1 },
};

test("tokens cost what a million of them cost, and cached input what is said for it", () => {
  const costOf = readPrices("log", PRICES);
  const tokens = { input: 1000, output: 100, cached: 400 };
  assert.equal(costOf(tokens, ["gpt-4o"]), 0.003);
  assert.equal(costOf(tokens, ["gpt-4o-mini-2024"]), 0.00021);
  assert.equal(costOf(tokens, ["gpt-4o-mini-free"]), 0);
  assert.equal(costOf(tokens, ["claude"]), undefined);
  assert.equal(costOf(tokens, ["toString"]), undefined);
  assert.equal(costOf(tokens, [undefined, "claude", "gpt-4o"]), 0.003);
  assert.equal(costOf({ input: 1, output: 0 }, ["gpt-4o"]), 0.0000025);
});

const costs = async (answered: string | undefined, made: readonly Attempt[]): Promise<number | undefined> => {
  const records: CallRecord[] = [];
  const chunk = {
    ...(answered !== undefined && { model: answered }),
    choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1e6, completion_tokens: 0 },
  };
  const prices = { asked: { input: 1, output: 0 }, other: { input: 2, output: 0 }, answered: { input: 3, output: 0 } };
  const calls = log({ sink: { write: (record) => void records.push(record) }, prices });
  const handler = compose([calls], async ({ call }) => {
    call.context.set(attempts, made);
    return { headers: {}, chunks: new HeldChunks([chunk]) };
  });
  await collect(await handler(chat({ model: "asked" })));
  return records[0]?.cost;
};

test("the price is that of the model that answered, else of the one that the provider was asked for", async () => {
  const first: Attempt = { provider: "p", model: "asked", durationMs: 1, code: "llm.provider.overloaded" };
  const second: Attempt = { provider: "p", model: "other", durationMs: 1 };
  assert.equal(await costs("answered", [second]), 3);
  assert.equal(await costs("answered-2024-08-06", [first, second]), 2);
  assert.equal(await costs("unknown", []), 1);
  assert.equal(await costs(undefined, []), 1);
  assert.equal(await costs("unknown", [{ ...second, model: "unknown" }]), undefined);
});

test("an answer that is given again costs nothing more", async () => {
  const records: CallRecord[] = [];
  const prices = { m: { input: 1, output: 1 } };
  const calls = log({ sink: { write: (record) => void records.push(record) }, prices });
  const chunk = {
    choices: [{ index: 0, delta: { content: "a" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1e6, completion_tokens: 0 },
  };
  const provider: Handler = async () => ({ headers: {}, chunks: new HeldChunks([chunk]) });
  const handler = compose([calls, idempotency()], provider);
  const headers = { "idempotency-key": "k" };
  await collect(await handler(chat({ model: "m" }, { headers })));
  await collect(await handler(chat({ model: "m" }, { headers })));
  assert.deepEqual(
    records.map(({ cost, tokens, cache }) => [cost, tokens?.input, cache?.[0]?.hit]),
    [
      [1, 1e6, false],
      [undefined, 1e6, true],
    ],
  );
});
