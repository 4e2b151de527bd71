import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatChunk, ChatMessage } from "../chat.ts";
import { ContentRule } from "./content-rule.ts";
import type { ContentRecord } from "./record.ts";
import { Seen } from "./seen.ts";

const same = (text: string): string => text;

test("a prompt is read as a conversation", () => {
  const { prompt } = contentOf([
    { role: "system", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: "data:…" },
      ],
    },
    { role: "assistant", content: null, tool_calls: [{ id: "1", function: { name: "look", arguments: '{"at":1}' } }] },
    { role: "tool", tool_call_id: "1", content: "A cat." },
  ]);
  assert.equal(prompt, 'system: Be brief.\nuser: What is this?[image_url]\nassistant: \n→ look {"at":1}\ntool: A cat.');
});

test("an answer is its text, with its refusals and its calls of tools, each choice apart", () => {
  const call = (index: number, name: string | undefined, given: string): ChatChunk => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index, function: { ...(name && { name }), arguments: given } }] } }],
  });
  const text = (index: number, content: string): ChatChunk => ({ choices: [{ index, delta: { content } }] });
  assert.equal(contentOf([], text(0, "Hel"), text(0, "lo")).answer, "Hello");
  assert.equal(contentOf([], text(0, "a"), text(1, "x"), text(0, "b")).answer, "[0] ab\n[1] x");
  assert.equal(
    contentOf([], text(0, "See:"), call(0, "look", ""), call(0, undefined, '{"at"'), call(0, undefined, ":1}")).answer,
    'See:\n→ look {"at":1}',
  );
  const refusal: ChatChunk = { choices: [{ index: 0, delta: { content: null, refusal: "No." } }] };
  assert.equal(contentOf([], refusal).answer, "No.");
});

test("credentials are masked, whatever the redactor leaves, and lines stay", () => {
  const { prompt, answer } = contentOf(
    [{ role: "user", content: "my key is sk-0123456789abcdef,\nkeep it\u001b[31m" }],
    { choices: [{ index: 0, delta: { content: "Bearer abcdefghijkl" } }] },
  );
  assert.equal(prompt, "user: my key is sk-***,\nkeep it");
  assert.equal(answer, "Bearer ***");
});

test("a secret that stands where the text is cut is not shown in part, by the redactor's rule or the gateway's", () => {
  const card = "4111-1111-1111-1111";
  const rule = new ContentRule((text) => text.replaceAll(card, "[card]"), 2000);
  for (const secret of [card, "sk-0123456789abcdef0123456789abcdef"]) {
    for (let before = 1900; before < 3100; before += 1) {
      const long = `${"x".repeat(before)} ${secret} ${"y".repeat(5000)}`;
      const { prompt = "", answer = "" } = contentOf([{ role: "user", content: long }], textChunk(long), rule) ?? {};
      assert.ok(prompt.length <= 2000 && answer.length <= 2000);
      for (const text of [prompt, answer]) assert.doesNotMatch(text, /4111|sk-0/);
    }
  }
});

test("where redaction makes a text much shorter, what the cut ran through is still not shown", () => {
  const rule = new ContentRule((text) => text.replaceAll(/x+/g, ""), 100);
  for (let before = 1000; before < 1124; before++) {
    const long = `${"x".repeat(before)}sk-0123456789abcdef${"y".repeat(5000)}`;
    assert.doesNotMatch(contentOf([{ role: "user", content: long }], textChunk(long), rule).answer, /sk-[^*]/);
  }
});

test("texts of any length are held up to a bound", () => {
  const rule = new ContentRule(same, 100);
  const many = Array.from({ length: 10_000 }, (): ChatMessage => ({ role: "user", content: "y".repeat(1000) }));
  const { prompt } = contentOf(many, textChunk(""), rule);
  assert.equal(prompt.length, 100);
  assert.match(prompt, /…$/);
  const answer = rule.answer();
  for (let at = 0; at < 10_000; at++) answer.add({ index: at, delta: { content: "z".repeat(1000) } });
  assert.ok(answer.toString().length < 100 + 1024 + 100);
});

function textChunk(content: string): ChatChunk {
  return { choices: [{ index: 0, delta: { content } }] };
}

function contentOf(messages: readonly ChatMessage[], ...rest: readonly (ChatChunk | ContentRule)[]): ContentRecord {
  const rule = rest.find((each) => each instanceof ContentRule) ?? new ContentRule(same, 20_000);
  const seen = new Seen(rule.answer());
  for (const chunk of rest) if (!(chunk instanceof ContentRule)) seen.add(chunk);
  const content = rule.of(messages, seen.answer);
  assert.ok(content);
  return content;
}
