import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatChunk } from "../chat.ts";
import { Seen } from "./seen.ts";

test("each name and reason is told once, wherever in a stream it comes", () => {
  const seen = see(
    calling("get_weather", "get_time"),
    { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: "{" } }] } }] },
    calling("get_weather"),
    { choices: [{ index: 0, delta: { tool_calls: [{ type: "custom", custom: { name: "sql" } }] } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    { choices: [{ index: 1, delta: {}, finish_reason: "tool_calls" }] },
    { choices: [{ index: 2, delta: {}, finish_reason: "stop" }] },
    { choices: [], usage: { prompt_tokens: 1 } },
    { choices: [], usage: null },
  );
  assert.deepEqual(seen.tools, ["get_weather", "get_time", "sql"]);
  assert.deepEqual(seen.reasons, ["tool_calls", "stop"]);
  assert.deepEqual(seen.usage, { prompt_tokens: 1 });
  assert.equal(seen.chunks, 9);
  assert.equal(see({ choices: [] }).tools, undefined);
});

test("there is a bound to how many there are, and to how long they are", () => {
  const names = Array.from({ length: 1000 }, (_, at) => `tool_${at}_${"x".repeat(10_000)}`);
  const reasons = Array.from({ length: 1000 }, (_, at) => ({ index: at, delta: {}, finish_reason: `reason ${at}` }));
  const seen = see(calling(...names), { choices: reasons });
  assert.equal(seen.tools?.length, 32);
  assert.ok(seen.tools?.every((name) => name.length <= 128));
  assert.equal(seen.reasons?.length, 8);
});

test("what a provider sends in place of text is not told", () => {
  const odd = {
    model: 5,
    choices: [{ index: 0, delta: { tool_calls: [{ function: { name: { a: 1 } } }] }, finish_reason: ["stop"] }],
  };
  // What providers send is not checked in all its parts.
  const seen = see(odd as unknown as ChatChunk);
  assert.deepEqual([seen.model, seen.tools, seen.reasons], [undefined, undefined, undefined]);
});

test("of verdicts the plain fields are told, bounded and masked, whoever made them", () => {
  const verdict = {
    type: "json\nforged",
    verdict: "repaired",
    fixes: ["quotes", { secret: 1 }, ...Array.from({ length: 100 }, () => "comma")],
    isFine: true,
    tries: 2,
    infinite: Number.POSITIVE_INFINITY,
    inner: { prompt: "Hello" },
    key: "sk-0123456789abcdef",
    ninth: "is one too many",
  };
  const choice = { index: 0, delta: {}, finish_reason: "stop" };
  const seen = see(
    { choices: [{ ...choice, post_processing: [verdict, 5, null] }] },
    { choices: [{ ...choice, post_processing: "not a list" }] },
    { choices: [{ ...choice, post_processing: Array.from({ length: 100 }, () => ({ type: "a" })) }] },
  );
  assert.equal(seen.verdicts?.length, 30);
  assert.deepEqual(seen.verdicts?.[0], {
    type: "json forged",
    verdict: "repaired",
    fixes: ["quotes", ...Array.from({ length: 14 }, () => "comma")],
    isFine: true,
    tries: 2,
    key: "sk-***",
  });
});

test("a verdict has a bound in all", () => {
  const verdict = Object.fromEntries(
    Array.from({ length: 8 }, (_, at) => [`f${at}`, Array.from({ length: 16 }, () => "x".repeat(250))]),
  );
  const seen = see({ choices: [{ index: 0, delta: {}, post_processing: [verdict] }] });
  assert.ok(JSON.stringify(seen.verdicts).length < 1200);
});

function see(...chunks: readonly ChatChunk[]): Seen {
  const seen = new Seen();
  for (const chunk of chunks) seen.add(chunk);
  return seen;
}

function calling(...names: readonly string[]): ChatChunk {
  const tool_calls = names.map((name, index) => ({ index, function: { name, arguments: "" } }));
  return { choices: [{ index: 0, delta: { tool_calls } }] };
}
