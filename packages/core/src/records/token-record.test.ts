import assert from "node:assert/strict";
import { test } from "node:test";
import type { Usage } from "../chat.ts";
import type { TokenRecord } from "./record.ts";
import { tokenRecord } from "./token-record.ts";

const USAGES: Readonly<Record<string, readonly [usage: unknown, tokens: TokenRecord | undefined]>> = {
  whole: [
    {
      prompt_tokens: 9,
      completion_tokens: 5,
      total_tokens: 14,
      prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 3 },
    },
    { input: 9, output: 5, cached: 4, reasoning: 3 },
  ],
  short: [
    { prompt_tokens: 9, completion_tokens: 5 },
    { input: 9, output: 5 },
  ],
  zero: [
    { prompt_tokens: 0, completion_tokens: 0 },
    { input: 0, output: 0 },
  ],
  "without its output": [{ prompt_tokens: 9 }, { input: 9, output: 0 }],
  "without its output, but the total": [
    { prompt_tokens: 9, total_tokens: 12 },
    { input: 9, output: 3 },
  ],
  "without its input, but the total": [
    { completion_tokens: 5, total_tokens: 12 },
    { input: 7, output: 5 },
  ],
  "with details that are null": [
    { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: null, completion_tokens_details: null },
    { input: 9, output: 5 },
  ],
  "with details that are nonsense": [
    {
      prompt_tokens: 9,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: "4" },
      completion_tokens_details: { reasoning_tokens: Number.NaN },
    },
    { input: 9, output: 5 },
  ],
  "with more in the cache than there was": [
    { prompt_tokens: 9, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 10 } },
    { input: 9, output: 5 },
  ],
  none: [undefined, undefined],
  null: [null, undefined],
  empty: [{}, undefined],
  "a total alone": [{ total_tokens: 14 }, undefined],
  strings: [{ prompt_tokens: "9", completion_tokens: "5", total_tokens: "14" }, undefined],
  "half of it a string": [{ prompt_tokens: "9", completion_tokens: 5 }, undefined],
  "not a number": [{ prompt_tokens: Number.NaN, completion_tokens: 5 }, undefined],
  infinite: [{ prompt_tokens: Number.POSITIVE_INFINITY, completion_tokens: 5 }, undefined],
  negative: [{ prompt_tokens: -1, completion_tokens: 5 }, undefined],
  broken: [{ prompt_tokens: 1.5, completion_tokens: 5 }, undefined],
  "more than any call uses": [{ prompt_tokens: 1e15, completion_tokens: 5 }, undefined],
  "a number that was kept as text": [{ prompt_tokens: { rawJSON: "1" }, completion_tokens: 5 }, undefined],
  "a list": [[1, 2], undefined],
  "a string": ["14", undefined],
};

for (const [what, [usage, tokens]] of Object.entries(USAGES)) {
  test(`usage, ${what}: ${JSON.stringify(tokens) ?? "no tokens"}`, () => {
    // What providers send is not checked.
    assert.deepEqual(tokenRecord(usage as Usage), tokens);
  });
}
