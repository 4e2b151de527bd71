import assert from "node:assert/strict";
import { test } from "node:test";
import { bySpeaker, plainText } from "./format.ts";

const utterances = [
  { speaker: "A", text: "Hello.", start: 0 },
  { speaker: "B", text: "Goodbye.", start: 36_305_999 },
  { speaker: null, text: "Who?", start: null },
  { text: "Me.", start: 65_000 },
];

test("plain text is the text alone", () => {
  assert.equal(plainText({ id: "a", text: "Hello.", utterances }), "Hello.");
  assert.equal(plainText({ id: "a", text: null }), "");
});

test("by speaker, each utterance has a line with its time and speaker, as far as they are known", () => {
  const lines = ["[00:00:00] Speaker A: Hello.", "[10:05:05] Speaker B: Goodbye.", "Who?", "[00:01:05] Me."];
  assert.equal(bySpeaker({ id: "a", text: "x", utterances }), lines.join("\n"));
});

test("without utterances, by speaker is the text", () => {
  for (const none of [undefined, null, []]) {
    assert.equal(bySpeaker({ id: "a", text: "Hello.", ...(none !== undefined && { utterances: none }) }), "Hello.");
  }
});

test("by speaker, an utterance is one line, whatever stands in it", () => {
  const odd = [
    { speaker: "A\n[00:00:00] Speaker B", text: "One.\r\n\r\nTwo.\u2028Three.", start: 0 },
    { speaker: "B", text: "Four.\u0085Five.\vSix.\fSeven.\u2029", start: 1000 },
  ];
  assert.equal(
    bySpeaker({ id: "a", utterances: odd }),
    "[00:00:00] Speaker A [00:00:00] Speaker B: One. Two. Three.\n[00:00:01] Speaker B: Four. Five. Six. Seven. ",
  );
});
