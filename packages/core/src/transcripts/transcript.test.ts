import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "../json.ts";
import { isTranscriptId, readTranscript } from "./transcript.ts";

test("an id is 1 to 64 letters, digits and -", () => {
  for (const id of ["a", "A-9", "-", "a".repeat(64), "47b95ba5-6889-44d8-bc80-5de38306e582"]) {
    assert.equal(isTranscriptId(id), true, id);
  }
  const others = [
    "",
    "a".repeat(65),
    "a\n",
    " a",
    "../x",
    "a/b",
    "a%2fb",
    "a.b",
    "a_b",
    "ä",
    "http://x",
    1,
    null,
    ["a"],
  ];
  for (const id of others) assert.equal(isTranscriptId(id), false, String(id));
});

test("of a record only what is known is kept", () => {
  const words = [{ text: "Hi", confidence: 0.9 }];
  const utterance = { speaker: "A", text: "Hi", start: 10, end: 20, words };
  assert.deepEqual(readTranscript({ id: "a", status: "completed", text: "Hi", words, utterances: [utterance] }), {
    id: "a",
    status: "completed",
    text: "Hi",
    utterances: [{ speaker: "A", text: "Hi", start: 10 }],
  });
});

test("what says nothing of its status is completed, and nulls are nothing", () => {
  assert.deepEqual(readTranscript({ id: "a", text: null, utterances: null, error: null }), {
    id: "a",
    status: "completed",
  });
});

test("odd utterances, speakers and times are left out, and the text stays", () => {
  const odd = [
    { text: "One.", speaker: 0, start: -1 },
    { text: "Two.", speaker: "B", start: Number.POSITIVE_INFINITY },
    { text: "Three.", start: "now" },
    { text: "Four.", speaker: {}, start: parseJson("1e999") },
  ];
  const left = ["One.", "Two.", "Three.", "Four."].map((text) => {
    return { text, speaker: text === "Two." ? "B" : null, start: null };
  });
  assert.deepEqual(readTranscript({ id: "a", utterances: odd })?.utterances, left);
  for (const utterances of ["x", 7, {}, [{ speaker: "A" }], [{ text: "One." }, null]]) {
    assert.deepEqual(readTranscript({ id: "a", text: "Hi", utterances }), { id: "a", status: "completed", text: "Hi" });
  }
});

test("what is no transcript is not read as one", () => {
  const broken = [
    undefined,
    "text",
    [],
    { text: "no id" },
    { id: 1 },
    { id: "a", status: "done" },
    { id: "a", text: 7 },
    { id: "a", error: {} },
    { id: "a", owner: null },
  ];
  for (const value of broken) assert.equal(readTranscript(value), undefined, JSON.stringify(value));
});
