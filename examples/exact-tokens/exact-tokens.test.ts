import assert from "node:assert/strict";
import { test } from "node:test";
import { compose, GatewayError, rateLimit } from "@gatewright/core";
import { chat, scripted } from "@gatewright/core/testing";
import { encodeChat } from "gpt-tokenizer/model/gpt-4o";
import { exactTokens } from "./exact-tokens.ts";

test("counts what the tokenizer counts", () => {
  for (const content of ["Hello", "How are you today?", "Zwölf Boxkämpfer jagen Viktor", "", "漢字かな交じり文"]) {
    assert.equal(exactTokens(chat(content)), encodeChat([{ role: "user", content }]).length, content);
  }
});

test("a long text is at most a token a slice too many", () => {
  const content = "The quick brown fox jumps over the lazy dog. ".repeat(500);
  const exact = encodeChat([{ role: "user", content }]).length;
  const counted = exactTokens(chat(content));
  assert.ok(counted >= exact && counted <= exact + content.length / 256 + 1, `${counted} for ${exact}`);
});

test("what would take a tokenizer minutes is estimated, and text that looks like a special token is text", () => {
  assert.ok(exactTokens(chat("a".repeat(1_000_000))) > 100_000);
  assert.ok(exactTokens(chat("<|endoftext|>")) > 3);
});

test("a limit on tokens counts by it", async () => {
  const limit = rateLimit({ limits: [{ tokens: 20, windowMs: 60_000 }], countTokens: exactTokens });
  const pipeline = compose([limit], scripted("Hi", "Hi"));
  await pipeline(chat({ max_tokens: 12 }));
  await assert.rejects(pipeline(chat({ max_tokens: 12 })), (error: GatewayError) => {
    assert.ok(error instanceof GatewayError);
    return error.code === "llm.rate_limit.tokens";
  });
});
