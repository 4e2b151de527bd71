import assert from "node:assert/strict";
import test from "node:test";
import { chaosFaults } from "./chaos.ts";
import { FaultDecider } from "./decide-faults.ts";
import type { Directives } from "./directives.ts";
import { checkKind, readDirectives } from "./read-directives.ts";

test("times lets the first calls of a key fail", () => {
  const decider = new FaultDecider(1);
  const fails = (key: string) => "status" in decider.decide({ status: 500, times: 2 }, key, false);
  assert.deepEqual([fails("a"), fails("a"), fails("a"), fails("b"), fails("a")], [true, true, false, true, false]);
});

test("chance lets the same calls fail for the same seed, about as many as it says", () => {
  const run = (seed: number) => {
    const decider = new FaultDecider(seed);
    return Array.from({ length: 1000 }, () => "reset" in decider.decide({ reset: true, chance: 0.2 }, "", false));
  };
  assert.deepEqual(run(5), run(5));
  assert.notDeepEqual(run(5), run(6));
  const failed = run(5).filter(Boolean).length;
  assert.ok(failed > 150 && failed < 250, `${failed} of 1000 failed`);
});

test("chaos picks every fault of its list and keeps what is no fault", () => {
  for (const stream of [false, true]) {
    const decider = new FaultDecider(1);
    const decided = Array.from({ length: 1000 }, () => decider.decide({ pace: 1, chaos: 0.5 }, "", stream));
    const faults = new Set(decided.map(({ pace, chaos, ...fault }) => JSON.stringify(fault)));
    const known = stream ? [...chaosFaults.any, ...chaosFaults.stream] : chaosFaults.any;
    assert.equal(faults.size, known.length + 1);
    assert.ok(decided.every(({ pace }) => pace === 1));
  }
});

test("chaos only knows faults that there are", () => {
  for (const fault of chaosFaults.any) checkKind(readDirectives(fault.split("+"), "model"), false);
  for (const fault of chaosFaults.stream) checkKind(readDirectives(fault.split("+"), "model"), true);
});

test("remembers a bounded number of keys", () => {
  const decider = new FaultDecider(1);
  const directives: Directives = { status: 500, times: 1 };
  const fails = (key: string) => "status" in decider.decide(directives, key, false);
  assert.ok(fails("first") && !fails("first"));
  for (let i = 0; i < 10_000; i++) fails(`key ${i}`);
  assert.ok(fails("first"));
});
