import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatBody } from "../chat.ts";
import { hideEchoes } from "./echoes.ts";

const PROMPT =
  'The patient is called "Ada Lovelace",\nborn 1815; Größe 1,60 m. 患者は昨日から頭痛を訴えており、薬を服用している。';

const body = (content: string, more: Partial<ChatBody> = {}): ChatBody => ({
  model: "anthropic/claude-sonnet-4-5-20250929",
  messages: [{ role: "user", content }],
  ...more,
});

const QUOTES: Readonly<Record<string, string>> = {
  "as it is": PROMPT,
  "as JSON": JSON.stringify(PROMPT),
  "as JSON in ASCII": JSON.stringify(PROMPT).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  ),
  "as Python shows it": `'${PROMPT.replace("\n", "\\n")}'`,
  "within JSON": JSON.stringify({ messages: [{ role: "user", content: PROMPT }] }),
  twice: `${PROMPT} and once more: ${PROMPT}`,
};

for (const [how, quoted] of Object.entries(QUOTES)) {
  test(`a prompt that is quoted ${how} is hidden, and what is said of it stays`, () => {
    const shown = hideEchoes(`This prompt was refused: ${quoted} (policy 7)`, body(PROMPT));
    assert.match(shown, /^This prompt was refused: .*\[…\].* \(policy 7\)$/s);
    for (let at = 0; at + 24 <= PROMPT.length; at++) assert.ok(!shown.includes(PROMPT.slice(at, at + 24)), shown);
    assert.doesNotMatch(shown, /Lovelace|1815|頭痛/);
  });
}

test("wherever it begins, a run of 24 characters is hidden, and one of 23 stays", () => {
  const text = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (let before = 0; before < 40; before++) {
    for (let from = 0; from < 30; from++) {
      const lead = "#".repeat(before);
      assert.equal(hideEchoes(`${lead}${text.slice(from, from + 24)}#`, body(text)), `${lead}[…]#`);
      const short = `${lead}${text.slice(from, from + 23)}#`;
      assert.equal(hideEchoes(short, body(text)), short);
    }
  }
});

test("the run is hidden whole, also where its beginning stands in the prompt more often", () => {
  const start = "the same words every time, ";
  const prompt = `${start}once; ${start}twice; ${start}and then the secret ending of it all`;
  assert.equal(hideEchoes(`no (${start}and then the secret ending of it all)`, body(prompt)), "no ([…])");
});

test("what is not of the prompt stays as it is", () => {
  const helpful = [
    "The model `anthropic/claude-sonnet-4-5-20250929` does not exist or you do not have access to it.",
    "Unknown parameter: 'response_format.json_schema.strictness'.",
    "Function 'get_current_weather_forecast_for_a_city' is not among the tools.",
    "Invalid 'messages[0].content': string too long.\\nExpected at most 1048576.",
    "",
    "no",
  ];
  const tools = [{ type: "function", function: { name: "get_current_weather_forecast_for_a_city" } }];
  const asked = body(PROMPT, { tools, response_format: { type: "json_schema", json_schema: { strictness: true } } });
  for (const text of helpful) assert.equal(hideEchoes(text, asked), text);
});

test("every text of a body is known, wherever it is", () => {
  const secret = "what stands in this one place only";
  const places: Readonly<Record<string, Partial<ChatBody>>> = {
    parts: { messages: [{ role: "user", content: [{ type: "text", text: secret }] }] },
    "tool calls": {
      messages: [{ role: "assistant", tool_calls: [{ id: "1", function: { name: "f", arguments: secret } }] }],
    },
    tools: { tools: [{ type: "function", function: { name: "f", description: secret } }] },
    "other fields": { metadata: { note: secret } },
  };
  for (const [where, more] of Object.entries(places)) {
    assert.equal(hideEchoes(`no: ${secret}`, body("Hello", more)), "no: […]", where);
  }
});

test("of a prompt that is too long to be searched, the beginning and the end are known", () => {
  const long = Array.from({ length: 200_000 }, (_, at) => `word ${at} `).join("");
  assert.equal(hideEchoes(`no: ${long.slice(0, 200)}`, body(long)), "no: […]");
  assert.equal(hideEchoes(`no: ${long.slice(-200)}`, body(long)), "no: […]");
});

test("a body of any form is looked at, and within bounds", () => {
  const circle: Record<string, unknown> = {};
  circle.circle = circle;
  let deep: unknown = "the text that is far too deep inside";
  for (let depth = 0; depth < 10_000; depth++) deep = [deep];
  const odd = { circle, deep, nothing: null, number: 5, big: 5n };
  assert.equal(hideEchoes("a text that is long enough", body(PROMPT, odd)), "a text that is long enough");
});

const CHARS = 1 << 20;
const some = (length: number, alphabet: string): string => {
  let seed = 7;
  let text = "";
  for (let at = 0; at < length; at++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    text += alphabet[(seed >>> 16) % alphabet.length];
  }
  return text;
};
const HOSTILE: Readonly<Record<string, readonly [text: string, prompt: string]>> = {
  "nothing in common": [some(4000, "abcdefgh "), some(CHARS, "ijklmnop ")],
  "two letters": [some(4000, "ab"), some(CHARS, "ab")],
  "runs that are too short": [`${"a".repeat(15)}b`.repeat(250), "a".repeat(CHARS)],
  "runs that nearly match": [`b${"a".repeat(11)}`.repeat(330), "a".repeat(CHARS)],
  periods: [`${"ab".repeat(10)}c`.repeat(190), "ab".repeat(CHARS / 2)],
  escapes: ["\\n\\\\".repeat(1000), "\n\\".repeat(CHARS / 2)],
};

for (const [what, [text, prompt]] of Object.entries(HOSTILE)) {
  test(`a long text and a megabyte of ${what} are compared in a moment`, () => {
    const startedAt = performance.now();
    hideEchoes(text, body(prompt));
    const ms = performance.now() - startedAt;
    assert.ok(ms < 1000, `${ms} ms`);
  });
}
