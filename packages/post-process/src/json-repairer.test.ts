import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonRepairer } from "./json-repairer.ts";

/** What each piece gives out, and the end. */
function steps(...pieces: readonly string[]): string[] {
  const repairer = new JsonRepairer();
  return [...pieces.map((piece) => repairer.push(piece)), repairer.end().text];
}

test("what no later byte can change is given out at once", () => {
  assert.deepEqual(steps('{"a": "hel', "lo wor", 'ld"', "}"), ['{"a": "hel', "lo wor", "ld", '"}', ""]);
});

test("a comma and a key wait for their value, a number for its end", () => {
  assert.deepEqual(steps('{"a": 1', "2", ',"b', '":', "[", "]}"), ["{", "", '"a": 12', "", ',"b":[', "]}", ""]);
});

test("prose and a fence before the JSON give out nothing, and what is behind neither", () => {
  assert.deepEqual(steps("Sure:\n`", "``js", "on\n{", "a:1}\n", "```", "\nBye"), ["", "", "", '{"a":1}', "", "", ""]);
});

test("a failure is known as soon as it is certain", () => {
  const repairer = new JsonRepairer({ maxDepth: 2 });
  assert.equal(repairer.push("[["), "[[");
  assert.equal(repairer.failure, undefined);
  assert.equal(repairer.push("[1, 2"), "");
  assert.match(repairer.failure ?? "", /2 levels/);
  assert.equal(repairer.end().verdict, "unrepairable");
});

test("a megabyte that comes character by character takes no longer than it should", (t) => {
  const texts = {
    valid: `["${"ab, ".repeat(250_000)}"]`,
    "a string": `"${"a".repeat(1_000_000)}"`,
    prose: "a ".repeat(500_000),
  };
  for (const [what, text] of Object.entries(texts)) {
    const began = performance.now();
    const repairer = new JsonRepairer();
    for (const char of text) repairer.push(char);
    repairer.end();
    const took = performance.now() - began;
    t.diagnostic(`${what}: ${took.toFixed(0)} ms`);
    assert.ok(took < 10_000);
  }
});
