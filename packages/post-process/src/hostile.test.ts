import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonRepairer } from "./json-repairer.ts";
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
  "what the library takes long for": `{"a":~${of('\\"|+').slice(0, 16_000)}`,
  "more that it takes long for": `[1 :${of("%`;<\\:").slice(0, 16_000)}`,
  "line breaks in a string": `{"a":"${of("\n")}`,
  "brackets in a string with quotes": `{"a":"say "hi" ${of('{"]')}`,
  "JSON in a string": `{"a":"${of('{"a":')}`,
  "a number": `[1,${of("1")}`,
  "keys without quotes": `{${of("a:1,")}`,
};

/** How long a million characters may take of a processor's time: half a second, and thrice that beside other work. */
const MOST_MS = 1500;

/** The time that was worked, in milliseconds: what other programs do at the same time counts little. */
function worked(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

for (const [what, text] of Object.entries(HOSTILE)) {
  test(`${what}: a result in time`, (t) => {
    const began = worked();
    const { verdict } = repairJson(text);
    const took = worked() - began;
    t.diagnostic(`${text.length} characters: ${verdict} after ${took.toFixed(0)} ms`);
    assert.ok(took < MOST_MS * Math.max(1, text.length / MEGA));
  });
}

for (const [what, text] of Object.entries(HOSTILE)) {
  test(`${what}: a tenth of it in small pieces in time`, () => {
    const repairer = new JsonRepairer();
    const began = worked();
    for (let at = 0; at < MEGA / 10; at += 2) repairer.push(text.slice(at, Math.min(at + 2, MEGA / 10)));
    repairer.end();
    assert.ok(worked() - began < MOST_MS);
  });
}

test("the library is given so little that its worst takes no time", () => {
  for (const text of [
    `{"a":~${'\\"|+'.repeat(60)}`,
    `["a",~${'"{%`'.repeat(60)}`,
    `{"k":[{"k":~${"`“{%>".repeat(48)}`,
  ]) {
    const began = worked();
    for (let time = 0; time < 10; time++) repairJson(text);
    assert.ok(worked() - began < 300);
  }
});

test("ten times as much takes about ten times as long", (t) => {
  const time = (items: number): number => {
    const text = `[${"{'id': 1, name: \"say \"hi\" now\", 'tags': [red, True,],},".repeat(items)}]`;
    const began = worked();
    assert.equal(repairJson(text).verdict, "repaired");
    const took = worked() - began;
    t.diagnostic(`${text.length} characters: ${took.toFixed(0)} ms`);
    return took;
  };
  time(1800);
  assert.ok(time(18_000) < 40 * Math.max(time(1800), 5));
});
