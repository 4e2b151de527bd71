import assert from "node:assert/strict";
import { test } from "node:test";
import { ascii, cut, pad, printable, printableJson, widthOf, wrap } from "./printable.ts";

test("what a terminal would obey is taken out, and a text stays on its line", () => {
  assert.equal(printable("gpt\u001b[31m-5\u0007\u0000\u009b2J"), "gpt[31m-52J");
  assert.equal(printable("one\r\n\ttwo\u2028three"), "one two three");
  assert.equal(printable("\u202egnp\u200b.exe\ufeff\ud800"), "gnp.exe");
  assert.equal(printable(`a${"\u0301".repeat(50)}`), `a${"\u0301".repeat(3)}`);
  assert.equal(printable("模型 é"), "模型 é");
});

test("text is as wide as a terminal shows it", () => {
  assert.deepEqual(["abc", "模型", "e\u0301", "🙂", "…"].map(widthOf), [3, 4, 1, 2, 1]);
  assert.equal(cut("gpt-5-mini", 10), "gpt-5-mini");
  assert.equal(cut("gpt-5-mini", 6), "gpt-5…");
  assert.equal(cut("模型模型", 6), "模型…");
  assert.equal(pad("模", 4, "right"), "  模");
  assert.equal(pad("ab", 4, "left"), "ab  ");
});

test("lines break between words, and a word that is too long breaks", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
  assert.deepEqual(wrap("abcdefgh ij", 3, "whole"), ["abcdefgh", "ij"]);
  assert.deepEqual(wrap("", 10), [""]);
});

test("ASCII keeps the width", () => {
  for (const text of ["a … b – c", "模型", "plain"]) {
    const shown = ascii(text);
    assert.match(shown, /^[ -~]*$/);
    assert.equal(shown.length, widthOf(text));
  }
});

test("JSON for a terminal has nothing that it would obey, and reads back the same", () => {
  const value = { name: "a\u001b[2J\u009b\u202e\u2028b", emoji: "🙂", tag: "\u{e0041}" };
  const written = printableJson(value);
  assert.deepEqual(JSON.parse(written), value);
  assert.doesNotMatch(written.replaceAll("\n", ""), /\p{C}/u);
  assert.match(written, /🙂/);
});
