import assert from "node:assert/strict";
import test from "node:test";
import { countTokens, firstTokens, seededWords, tokensOf } from "./text.ts";

test("tokens are words with the white space after them, and make up the text again", () => {
  const text = "  one two\n\nthree, 東京 ";
  assert.deepEqual([...tokensOf(text)], ["  ", "one ", "two\n\n", "three, ", "東京 "]);
  assert.equal([...tokensOf(text)].join(""), text);
  assert.equal(countTokens(text), 5);
  assert.equal(countTokens(""), 0);
  assert.equal(firstTokens(text, 2), "  one ");
  assert.equal(firstTokens(text, 9), text);
});

test("words are the same for the same seed, and a longer run begins with the shorter one", () => {
  assert.equal(seededWords(7, 20), seededWords(7, 20));
  assert.notEqual(seededWords(7, 20), seededWords(8, 20));
  assert.ok(seededWords(7, 20).startsWith(`${seededWords(7, 5)} `));
  assert.equal(countTokens(seededWords(7, 20)), 20);
});
