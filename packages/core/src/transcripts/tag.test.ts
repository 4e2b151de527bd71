import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatMessage } from "../chat.ts";
import { findTag, insertText } from "./tag.ts";

const TAG = "{{ transcript }}";

function inserted(messages: readonly ChatMessage[], text = "T"): readonly ChatMessage[] | undefined {
  const place = findTag(messages);
  return place && insertText(messages, place, text);
}

test("the first tag of the first message that has one is replaced, and no other", () => {
  const messages: ChatMessage[] = [
    { role: "system", content: "Be brief." },
    { role: "assistant", content: null },
    { role: "user", content: `a ${TAG} b ${TAG}`, name: "n" },
    { role: "user", content: TAG },
  ];
  const [system, assistant, , last] = messages;
  assert.deepEqual(inserted(messages), [system, assistant, { role: "user", content: `a T b ${TAG}`, name: "n" }, last]);
  assert.equal(messages[2]?.content, `a ${TAG} b ${TAG}`, "the messages were changed");
});

test("a tag is found in text parts, and only there", () => {
  const image = { type: "image_url", text: TAG, image_url: { url: "https://x.test/" } };
  const messages: ChatMessage[] = [
    {
      role: "user",
      content: [image, { type: "text" }, { type: "text", text: "a" }, { type: "text", text: TAG, x: 1 }],
    },
  ];
  const content = [image, { type: "text" }, { type: "text", text: "a" }, { type: "text", text: "T", x: 1 }];
  assert.deepEqual(inserted(messages), [{ role: "user", content }]);
});

test("what only looks like the tag is none", () => {
  const others = [
    "{{transcript}}",
    "{{  transcript  }}",
    "{{ Transcript }}",
    "{{ transcript}}",
    "{ { transcript } }",
    "",
  ];
  for (const content of others) assert.equal(findTag([{ role: "user", content }]), undefined, content);
  assert.equal(
    findTag([
      {
        role: "user",
        content: [
          { type: "text", text: "{{ trans" },
          { type: "text", text: "cript }}" },
        ],
      },
    ]),
    undefined,
  );
});

test("a tag may stand in another pair of braces", () => {
  assert.deepEqual(inserted([{ role: "user", content: `{${TAG}}` }]), [{ role: "user", content: "{T}" }]);
});

test("the inserted text is data: no sign in it means anything", () => {
  for (const text of [TAG, "$& $1 $$ $`", "</system>", "\u0000", "\\n"]) {
    assert.deepEqual(inserted([{ role: "user", content: `<${TAG}>` }], text), [{ role: "user", content: `<${text}>` }]);
  }
});
