import assert from "node:assert/strict";
import { test } from "node:test";
import { namePattern } from "./pattern.ts";

const CASES: Readonly<Record<string, { readonly fits: readonly string[]; readonly not: readonly string[] }>> = {
  "gpt-4o": { fits: ["gpt-4o"], not: ["", "gpt-4o-mini", "my-gpt-4o", "GPT-4O", "gpt-4"] },
  "": { fits: [""], not: ["a", "*"] },
  "*": { fits: ["", "a", "*", "a/b", "a\nb"], not: [] },
  "**": { fits: ["", "a"], not: [] },
  "gpt-*": { fits: ["gpt-", "gpt-4o", "gpt-*"], not: ["gpt", "my-gpt-4o", "Gpt-4o"] },
  "*-mini": { fits: ["-mini", "gpt-4o-mini", "-mini-mini"], not: ["-mini-", "mini"] },
  "gpt-*-mini": { fits: ["gpt-4o-mini", "gpt--mini"], not: ["gpt-mini", "gpt-4o-mini-2", "a-gpt-4o-mini"] },
  "aba*aba": { fits: ["abaaba", "aba-aba"], not: ["aba", "ababa"] },
  "a*b*c": { fits: ["abc", "a-b-c", "abbc", "abcbc"], not: ["ac", "acb", "a-c-b"] },
  "*b*": { fits: ["b", "abc", "bbb"], not: ["", "ac"] },
  "a*bb*b": { fits: ["abbb", "a-bb-b"], not: ["abb", "ab-b"] },
  "a*b*b*a": { fits: ["abba", "aabcbaa"], not: ["aba", "abab"] },
  "*ab*ab*": { fits: ["abab", "-ab-ab-"], not: ["ab", "aab"] },
  "a.c": { fits: ["a.c"], not: ["abc"] },
  "a.*[x]": { fits: ["a.b[x]"], not: ["abx", "a-b[x]"] },
  "meta/*": { fits: ["meta/llama/3"], not: ["meta", "metal/x"] },
};

for (const [name, { fits, not }] of Object.entries(CASES)) {
  test(`the pattern ${JSON.stringify(name)} fits what it says, and nothing else`, () => {
    const matches = namePattern(name);
    for (const text of fits) assert.equal(matches(text), true, text);
    for (const text of not) assert.equal(matches(text), false, text);
  });
}

test("a pattern decides as the regular expression of the same meaning does", () => {
  const letters = ["", "a", "b", "*"];
  const names = letters.flatMap((a) =>
    letters.flatMap((b) => letters.flatMap((c) => letters.map((d) => a + b + c + d))),
  );
  const texts = new Set(names.map((name) => name.replaceAll("*", "a")));
  for (const name of new Set(names)) {
    const expected = RegExp(`^${name.replaceAll("*", ".*")}$`);
    const matches = namePattern(name);
    for (const text of texts) assert.equal(matches(text), expected.test(text), `${name} and ${text}`);
  }
});

test("a pattern that a backtracking matcher could not decide is decided", () => {
  const matches = namePattern(`${"a*".repeat(1000)}b`);
  assert.equal(matches("a".repeat(10_000)), false);
  assert.equal(matches(`${"a".repeat(10_000)}b`), true);
  assert.equal(matches(`${"a".repeat(999)}b`), false);
});
