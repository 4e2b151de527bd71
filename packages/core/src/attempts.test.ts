import assert from "node:assert/strict";
import { test } from "node:test";
import { triesAgain } from "./attempts.ts";
import type { Code } from "./codes.ts";
import type { Attempt } from "./error.ts";

/** `a/x overloaded`, `a/x` where it did not fail. */
function attempt(text: string): Attempt {
  const [target = "", failure] = text.split(" ");
  const [provider = "", model = ""] = target.split("/");
  // The tests name failures that there are.
  return { provider, model, durationMs: 1, ...(failure && { code: `llm.${failure}` as Code }) };
}

const DOWN = "provider.overloaded";

const cases: Readonly<Record<string, readonly [made: readonly string[], retries: number, fallbacks: number]>> = {
  "nothing was asked": [[], 0, 0],
  "one call": [["a/x"], 0, 0],
  "the same target again": [[`a/x ${DOWN}`, `a/x ${DOWN}`, "a/x"], 2, 0],
  "another model": [[`a/x ${DOWN}`, "a/y"], 0, 1],
  "another provider of the same model": [[`a/x ${DOWN}`, "b/x"], 0, 1],
  "a retry, then another, then back": [[`a/x ${DOWN}`, `a/x ${DOWN}`, `b/y ${DOWN}`, "a/x"], 1, 2],
  "one that lost the race after the winner began": [["a/x", "a/x canceled"], 0, 0],
  "one that lost the race before": [["a/x canceled", "a/x"], 0, 0],
  "another target that lost the race": [[`a/x ${DOWN}`, "b/y canceled", "a/x"], 1, 0],
};

for (const [what, [made, retries, fallbacks]] of Object.entries(cases)) {
  test(`${what}: ${retries} retries, ${fallbacks} fallbacks`, () => {
    const again = triesAgain(made.map(attempt));
    assert.deepEqual([again.retries.length, again.fallbacks.length], [retries, fallbacks]);
  });
}
