import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatChunk } from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { AnswerFacts } from "./answer-facts.ts";

function finished(index: number, finish_reason: string): ChatChunk {
  return { choices: [{ index, delta: {}, finish_reason }] };
}

test("the reasons are told in the order of the answers, masked, and of so many answers at most", () => {
  const facts = new AnswerFacts();
  for (const [index, reason] of [
    [1, "length"],
    [0, "stop"],
    [2, "sk-0123456789"],
  ] as const)
    facts.see(finished(index, reason));
  assert.deepEqual(facts.attributes(undefined)["gen_ai.response.finish_reasons"], ["stop", "length", "sk-***"]);
  for (let index = 0; index < 1000; index++) facts.see(finished(index, "stop"));
  assert.equal(Object(facts.attributes(undefined)["gen_ai.response.finish_reasons"]).length, 128);
});

test("what the first chunk says of itself counts, masked and cut", () => {
  const facts = new AnswerFacts();
  facts.see({ choices: [], id: "sk-0123456789", model: "m".repeat(500) });
  facts.see({ choices: [], id: "other", model: "other" });
  assert.equal(facts.attributes(undefined)["gen_ai.response.id"], "sk-***");
  assert.equal(String(facts.attributes(undefined)["gen_ai.response.model"]).length, 128);
});

test("counts are told as far as they are counts", () => {
  const usage = {
    prompt_tokens: 1,
    completion_tokens: -1,
    cache_creation_input_tokens: 3,
    prompt_tokens_details: { cached_tokens: "5" },
    completion_tokens_details: null,
  };
  assert.deepEqual(new AnswerFacts().attributes(usage), {
    "gen_ai.usage.input_tokens": 1,
    "gen_ai.usage.cache_creation.input_tokens": 3,
  });
});

test("the tier that everybody gets is not told", () => {
  const facts = new AnswerFacts();
  assert.deepEqual(facts.openaiAttributes(chat({ service_tier: "auto" })), { "openai.api.type": "chat_completions" });
});
