import assert from "node:assert/strict";
import { test } from "node:test";
import { repairJson } from "./repair-json.ts";

const MEGA = 1_000_000;
const of = (text: string): string => text.repeat(Math.ceil(MEGA / text.length)).slice(0, MEGA);

/** A million characters each, unless it says otherwise. */
const HOSTILE: Readonly<Record<string, string>> = {
  "open brackets": of("["),
  "open objects": of('{"a":'),
  "escaped quotes": of('"\\'),
  "escapes in a string": `["${of("\\")}`,
  "fences in fences": of("```json\n"),
  "ten million of prose": "Use {name}, [1] or [x]. ".repeat(420_000),
  "prose with brackets": `So: ${of("{ ")}`,
  "commas and quotes": `{"a":"${of(',"')}`,
  "brackets in a string": `{"a":"${of("}")}`,
  "quotes in a string": `["${of('" ')}`,
  "quoted words in a string": `{"a":"${of('"a" ')}`,
  "items without commas": `[${of("1 ")}`,
  "a word": `[${of("a")}`,
  spaces: `[1,${of(" ")}`,
  "an open comment": `[/*${of("*")}`,
  comments: `[1${of("/**/")}`,
  "single quotes": `[${of("'a',")}`,
  backticks: of("`"),
  entities: of("{&quot;a"),
  "escaped keys": of('{\\"a\\":'),
  colons: `{"a"${of(":")}`,
  "what only the library decides": `{"a":*${of(' "b":*')}`,
  "a little that only the library decides": `{"a":*${of(',"b":*').slice(0, 16_000)}}`,
};

for (const [what, text] of Object.entries(HOSTILE)) {
  test(`${what}: a result in time`, (t) => {
    const began = performance.now();
    const { verdict } = repairJson(text);
    const took = performance.now() - began;
    t.diagnostic(`${text.length} characters: ${verdict} after ${took.toFixed(0)} ms`);
    assert.ok(took < 5000);
  });
}

test("ten times as much takes about ten times as long", (t) => {
  const time = (items: number): number => {
    const text = `[${"{'id': 1, name: \"say \"hi\" now\", 'tags': [red, True,],},".repeat(items)}]`;
    const began = performance.now();
    assert.equal(repairJson(text).verdict, "repaired");
    const took = performance.now() - began;
    t.diagnostic(`${text.length} characters: ${took.toFixed(0)} ms`);
    return took;
  };
  time(1800);
  assert.ok(time(18_000) < 60 * Math.max(time(1800), 2));
});
