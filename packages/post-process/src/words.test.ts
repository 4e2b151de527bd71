import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf, meaningOfCut } from "./words.ts";

test("literals and numbers of other languages have a meaning, and digits stay", () => {
  const meant = { True: "true", None: "null", NaN: "null", "+1.50": "1.50", "-.5": "-0.5", "5.": "5", "0xff": "255" };
  for (const [word, json] of Object.entries(meant)) assert.equal(meaningOf(word)?.json, json);
  assert.deepEqual(meaningOf("123456789012345678901234567890"), { json: "123456789012345678901234567890" });
});

test("what is no literal and no number has none", () => {
  for (const word of ["", "-", ".", "007", "1.2.3", "yes", "constructor", "1_00"])
    assert.equal(meaningOf(word), undefined);
});

test("a literal that was cut is completed where only one thing can be meant", () => {
  const meant = { t: "true", Fa: "false", nul: "null" };
  for (const [word, json] of Object.entries(meant)) assert.equal(meaningOfCut(word)?.json, json, word);
  for (const word of ["-", "x", "12.", "1e"]) assert.notEqual(meaningOfCut(word)?.json, "null", word);
});
