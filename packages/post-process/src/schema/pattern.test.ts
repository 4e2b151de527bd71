import assert from "node:assert/strict";
import { test } from "node:test";
import { Fuel } from "./fuel.ts";
import { Pattern } from "./pattern.ts";
import { PatternRefused } from "./pattern-refused.ts";
import { toRe2 } from "./pattern-translation.ts";

const TEXTS = [
  ..."aAbzZ09_-/ \t\n\r\v\f\b\0.,{}[]()|*+?^$\\&~é©ßπЖ日ǅⅣ²٣\u00a0\u1680\u2028\u2029\ufeff\u200b",
  ...[
    "",
    "a1",
    "ab",
    "ba",
    "aab",
    "a\n",
    "\na",
    "foo",
    "foo bar",
    "a b",
    "2024-01-02",
    "x@y.z",
    "😀",
    "a😀",
    "😀😀",
    "{1}",
    "u{61}",
  ],
];

/** Whether each text has a match. */
const matches = (is: (text: string) => boolean): string => TEXTS.filter(is).join("¦");

function assertSame(source: string, flags: string): void {
  const expression = new RegExp(source, flags);
  const pattern = new Pattern(source);
  assert.equal(
    matches((text) => pattern.matches(text, new Fuel())),
    matches((text) => expression.test(text)),
    source,
  );
}

test("patterns mean what RegExp means with the flag u", () => {
  const sources = String.raw`
    a b [ab] [^ab] [a-c] . ^ $ ^$ \d \D \w \W \s \S \b \B [\b] [\s\S] [^\s] [^\S] [\d\s] [\W_] [^\w-]
    [] [^] []a () (?:) a| |a (a|b)c? (?<year>\d+)- [[] [&&a] [a~] [-a] [a-] [\-a]
    a{2} a{02} a{1,} a{0,1}b a{2}? (a{2}){1} a*? a+?b ^a?$ ^.{2}$ ^.$ [^a]{2}
    \t \n \v \f \r \0 \cJ \x41 \u0041 \u{41} \u{1F600} \ud83d\ude00 😀 [😀] [\ud83d\ude00]
    [\u{1F600}-\u{1F64F}] [\u4e00-\u9fa5] [\x00-\x1f] \^ \$ \\ \. \* \/ \{1\} [\]]
    \p{L} \P{L} \p{Lu} \p{Letter} \p{gc=Nd} \p{General_Category=Decimal_Number} [\p{L}\p{N}]
    \p{Script=Greek} \p{sc=Cyrillic} [^\p{L}] [\P{L}] \p{ASCII} \P{ASCII} [\p{ASCII}é] \p{Any}
    ^[^@\s]+@[^@\s]+$ ^\d{4}-\d{2}-\d{2}$ ^(a+)+$ ^(?:a|a)*$ \bfoo\b`;
  for (const source of words(sources)) assertSame(source, "u");
});

test("patterns that the flag u forbids mean what they mean without it", () => {
  const sources = String.raw`\- \_ \@ \e [\e] { } ] a{,3} {a} x{1 \p [\w-a] [a-\d] [\d-] \xg \u00`;
  for (const source of words(sources)) assertSame(source, "");
});

test("random patterns mean what RegExp means", () => {
  const random = randomly(7);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const atoms = [...words(String.raw`a b 1 é 😀 . \d \w \s \S \W \n \x61 \u0062 \. \b ^ $ \p{L}`), " "];
  const members = words(String.raw`a b-z 0-9 \d \w \s \S \D - ^ . \] \b é 😀 \p{Lu} \n A-Z [`);
  const several = (make: () => string): string => Array.from({ length: 1 + Math.floor(random() * 3) }, make).join("");
  const atom = (depth: number): string => {
    const kind = random();
    if (kind < 0.2 && depth < 3) return `(${pick(["", "?:"])}${source(depth + 1)})`;
    if (kind < 0.4) return `[${pick(["", "^"])}${several(() => pick(members))}]`;
    return pick(atoms);
  };
  const piece = (depth: number): string => atom(depth) + pick(["", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "{0}"]);
  const source = (depth: number): string =>
    several(() => piece(depth)) + (random() < 0.2 ? `|${several(() => piece(depth))}` : "");
  let compared = 0;
  for (let round = 0; round < 3000; round++) {
    const text = source(0);
    if (!isValid(text)) continue;
    assertSame(text, "u");
    compared++;
  }
  assert.ok(compared > 1500, `${compared}`);
});

test("the size that a program is thought to have is no less than it has", () => {
  const sources = words(
    String.raw`a abc (a|b|c)+ (?:a{3}b?){5} a{2,9} a{0,30}b{4,} (a*b+)*? (x{0,9}|y){2,8} [a-c]{7}\d{3,5}$ ((a?){4}b{3}){5} ()* (|a){9} a{0} (?:a{0,2}){0,3}`,
  );
  for (const source of sources) {
    // What begins and ends every program comes to it.
    assert.ok(new Pattern(source).programSize <= toRe2(source).size + 4, source);
  }
});

test("what cannot be run in linear time is refused, with the reason", () => {
  const refused: readonly (readonly [source: string, reason: RegExp])[] = [
    ["([", /regular expression/],
    ["a**", /regular expression/],
    ["(?=a)", /ahead or behind/],
    ["(?!a)", /ahead or behind/],
    ["(?<=a)", /ahead or behind/],
    ["(?<!a)b", /ahead or behind/],
    ["(a)\\1", /back to a group/],
    ["(?<n>a)\\k<n>", /back to a group/],
    ["\\012", /back to a group/],
    ["(?i:a)", /flags/],
    ["\\p{Script_Extensions=Greek}", /Script_Extensions/],
    ["\\p{sc=Grek}", /not supported: invalid character/],
    ["\\p{constructor}\\-", /not supported/],
    ["\\u{110000}\\-", /does not exist/],
    ["\\c1", /control character/],
    ["a{1001}", /at most 1,000 times/],
    ["(a{100}){100}", /repeats too much/],
    ["(?:[ab][cd]?){900}|(?:[ab][cd]?){900}", /repeats too much/],
    ["a".repeat(1001), /at most 1000 characters/],
    ["(".repeat(51) + ")".repeat(51), /at most 50 groups/],
  ];
  for (const [source, reason] of refused) {
    assert.throws(
      () => new Pattern(source),
      (thrown) => thrown instanceof PatternRefused && reason.test(thrown.message),
      source,
    );
  }
});

const words = (text: string): string[] => text.trim().split(/\s+/);

function isValid(source: string): boolean {
  try {
    new RegExp(source, "u");
    return true;
  } catch {
    return false;
  }
}

/** Numbers from 0 to 1, the same in each run. */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
