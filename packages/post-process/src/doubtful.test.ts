import assert from "node:assert/strict";
import { test } from "node:test";
import { repairJson } from "./repair-json.ts";

/** Where it is clear after all what is meant, though quotes, commas or brackets lack. */
const CLEAR: readonly (readonly [broken: string, meant: unknown])[] = [
  // JSON and code in a string, with quotes that are not escaped.
  ['{"json": "{"a": 1, "b": 2}", "n": 1}', { json: '{"a": 1, "b": 2}', n: 1 }],
  ['{"json": "{"a": "}", "b": ["c"]}", "n": 1}', { json: '{"a": "}", "b": ["c"]}', n: 1 }],
  ['{"json": "{\n  "a": 1\n}"}', { json: '{\n  "a": 1\n}' }],
  ['{"args": "{"q": "weather", "unit": "c"}"}', { args: '{"q": "weather", "unit": "c"}' }],
  ['[{"name":"f","arguments":"{"q": "x", "n": 1}"}]', [{ name: "f", arguments: '{"q": "x", "n": 1}' }]],
  ['{"css": "a[href="x"]", "n": 1}', { css: 'a[href="x"]', n: 1 }],
  ['{"py": "d["k"] = 1", "n": 1}', { py: 'd["k"] = 1', n: 1 }],
  ['{"js": "f({"k": "v"})", "n": 1}', { js: 'f({"k": "v"})', n: 1 }],
  ['{"msg": "use ["a","b"] here", "n": 1}', { msg: 'use ["a","b"] here', n: 1 }],
  // Missing commas and quotes.
  ['["a" "b" "c"]', ["a", "b", "c"]],
  ['{"list":["x y" "z w" "q r" "s"]}', { list: ["x y", "z w", "q r", "s"] }],
  ['["a"\n5\n"b"]', ["a", 5, "b"]],
  ['["a"\ntrue\n[1]]', ["a", true, [1]]],
  ['["x: y"\n{"id":"s"\n"n":"5"}]', ["x: y", { id: "s", n: "5" }]],
  ['{"a":"x" # c\n, "b":"y"}', { a: "x", b: "y" }],
  ['["a" # first\n, "b"]', ["a", "b"]],
  ['{"a"5,"b":1}', { a: 5, b: 1 }],
  ['{"a"true,"b":1}', { a: true, b: 1 }],
  ['{"a":1"b":2}', { a: 1, b: 2 }],
  ['{"a":"x", b":"y"}', { a: "x", b: "y" }],
  ['{a": 1}', { a: 1 }],
  ["{'a':'b, 'c':'d'}", { a: "b", c: "d" }],
  ['{\n"a": "x y\n}', { a: "x y" }],
  ['{"t": "see [1] or {x} here}', { t: "see [1] or {x} here" }],
  // Comments behind values without quotes.
  ['{"a": red // color\n}', { a: "red" }],
  ['{"a": red, // a, b: c\n"b": 5 # five\n}', { a: "red", b: 5 }],
  ['{"a": red # c\n}', { a: "red" }],
  ['{"a": https://x.example/#y /* c */}', { a: "https://x.example/#y" }],
  // Brackets of the prose around.
  ["function f() { return {a: 1}; }", { a: 1 }],
  ['{"a":1}\nNote: see {x} and "y".', { a: 1 }],
  ['The value is "{"a":1}" as said.', { a: 1 }],
  ['{"a":1}, as said', { a: 1 }],
];

for (const [broken, meant] of CLEAR) {
  test(`repairs ${JSON.stringify(broken).slice(1, -1)}`, () => {
    const { text, reason } = repairJson(broken);
    assert.equal(reason, undefined);
    assert.deepEqual(JSON.parse(text), meant);
  });
}

/** Where one of two readings would lose, merge or invent something. */
const UNCLEAR: readonly string[] = [
  // The value ends before the text does.
  '{"a":1}, b: 2}',
  '{"a":1} "b":2}',
  '{"a":1}"b":2}',
  '{"a":1}; "b":2}',
  '{"a":1},,"b":2}',
  '{"a":1}},b:2}',
  '{"a":1}\n\n"b": 2',
  '{"a":1}: 2}',
  "[1,2],3,4]",
  "[1,2], 3",
  "[1,2]],[3]]",
  "[1] 2]",
  '```json\n{"a":1}, b: 2}\n```',
  '{"cmd": "a "b"]", "n": 1}',
  '[{"cmd": "a "b"]", "n": 1}]',
  '{"a": "say "hi" now"}, then "b"}',
  // Where does the string end?
  '{"t": "see {"x"}, ok", "n": 1}',
  '{"json": "{"a": "x\\"y"}", "n": 1}',
  '["print "a" "b" "c" now"]',
  '["say ""hi"" now"]',
  '["x, "y", "z"]',
  '["x", y, "z"]',
  '["x", y", "z"]',
  '["5", "5,388]',
  '{"a":["x","y","b":"z"}',
  '{"a":["x","y","b":"z"]}',
  '["b": "c"]',
  '{"a": "x": "y"}',
  '{"a": "x" "y"}',
  '{"a": "x", "y", "b": 1}',
  '{"a": "x" b: "y"}',
  '{"a":"x","b: 2,"c":3}',
  '{"a: 1, "b": 2}',
  '{"a":"the "C" # is sharp", "b":1}',
  '{"a":"see "x" // y", "b": 1}',
  '{"n":"""x1":"","n2":null}',
  '{"t": "use {name}',
  '["use [x]',
  // Values without quotes.
  '{"x": 5", "b": 1}',
  '[5", 6"]',
  "[1,000, 2]",
  '{"a": 1,000}',
  '{"a": red b: 2}',
  '{"a": "hello", b c: world"}',
  '{"id": hello, world"}',
  '{"a": [1 | 2]}',
  '{"a":1, ```code```: 2}',
  '["a", ```code```, "b"]',
  // A comment that may have lost its line break.
  '{"a":1, // first "b":2}',
  '{"a":1, /* first "b":2}',
];

for (const text of UNCLEAR) {
  test(`does not guess what ${JSON.stringify(text).slice(1, -1)} means`, () => {
    assert.equal(repairJson(text).verdict, "unrepairable", repairJson(text).text);
  });
}

test("what is cut is not completed by the library, and a part of a number is no number", () => {
  for (const cut of ['{"a": ~, "items": [{"id": 1}, {"id"', "12", "-1.5", " 12"]) {
    assert.match(repairJson(cut, { truncated: true }).reason ?? "", /cut off/);
  }
  assert.equal(repairJson("12 ", { truncated: true }).verdict, "valid");
  assert.equal(repairJson("true", { truncated: true }).verdict, "valid");
});

test("what is no text is a verdict, and a bad limit a TypeError", () => {
  // What a caller without types may give.
  const repair = repairJson as (text: unknown, options?: unknown) => ReturnType<typeof repairJson>;
  for (const text of [undefined, null, 5, {}, ["[1]"]]) assert.match(repair(text).reason ?? "", /no text/);
  for (const options of [{ maxChars: 0 }, { maxChars: Number.NaN }, { maxDepth: 2000 }, { maxDepth: "3" }]) {
    assert.throws(() => repair("[1]", options), /TypeError: JsonRepairer: max/);
  }
  assert.throws(() => repair("[1]", null), TypeError);
});
