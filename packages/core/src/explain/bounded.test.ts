import assert from "node:assert/strict";
import { test } from "node:test";
import { Buckets } from "./buckets.ts";
import { Distinct, distinctText } from "./distinct.ts";
import { Groups, OTHERS } from "./groups.ts";
import { Histogram } from "./histogram.ts";

test("percentiles are within 2 % of the truth", () => {
  for (const spread of [1, 3]) {
    const histogram = new Histogram();
    const all = Array.from({ length: 10_000 }, (_, at) => 5 + ((at * 7919) % 10_000) ** spread / 10_000);
    for (const each of all) histogram.add(each);
    all.sort((one, other) => one - other);
    for (const part of [0.5, 0.95, 0.99]) {
      const truth = all[Math.ceil(all.length * part) - 1] ?? 0;
      const found = histogram.at(part) ?? 0;
      assert.ok(Math.abs(found / truth - 1) < 0.021, `${part}: ${found} for ${truth}`);
    }
  }
  assert.equal(new Histogram().at(0.5), undefined);
  const odd = new Histogram();
  for (const ms of [0, 0.5, 1e300]) odd.add(ms);
  assert.equal(odd.at(0.5), 1);
  assert.ok((odd.at(1) ?? 0) > 1e9);
});

test("names beyond the bound share a group, and nothing is lost", () => {
  const groups = new Groups(() => ({ count: 0 }), 3);
  for (const name of ["a", "b", "b", "c", "d", "e", "a"]) groups.of(name).count++;
  assert.deepEqual(
    groups.ranked(({ count }) => count).map(([name, { count }]) => [name, count]),
    [
      [OTHERS, 2],
      ["a", 2],
      ["b", 2],
      ["c", 1],
    ],
  );
});

test("different names are counted up to a bound", () => {
  const distinct = new Distinct();
  for (let at = 0; at < 250; at++) distinct.add(`name ${at}`);
  distinct.add("name 7");
  distinct.add(undefined);
  assert.equal(distinctText(distinct.count()), "250");
  distinct.add("one more");
  assert.equal(distinctText(distinct.count()), "250+");
});

test("time is counted in as many steps as fit, whatever the order and the span", () => {
  const buckets = new Buckets();
  assert.equal(buckets.series(60), undefined);
  const from = Date.UTC(2026, 2, 4, 12);
  for (const [second, isError] of [
    [119, true],
    [0, false],
    [61, true],
    [61, false],
  ] as const)
    buckets.add(from + second * 1000, isError);
  const one = { calls: 1, errors: 0 };
  assert.deepEqual(buckets.series(3), { fromMs: from, stepMs: 60_000, buckets: [one, { calls: 3, errors: 2 }] });
  assert.equal(buckets.series(60)?.stepMs, 2000);
  assert.equal(buckets.series(120)?.buckets.length, 120);
});

test("a year of seconds is bounded, and every call is in it", () => {
  const buckets = new Buckets();
  const from = Date.UTC(2025, 0, 1);
  for (let at = 0; at < 50_000; at++) buckets.add(from + at * 631_000, at % 10 === 0);
  buckets.add(Date.UTC(1991, 0, 1), false);
  const { buckets: shown = [], stepMs } = buckets.series(60) ?? {};
  assert.equal(buckets.series(1e6)?.stepMs, 3 * 3_600_000);
  assert.ok(shown.length <= 60 && shown.length > 1, `${shown.length} of ${stepMs}`);
  assert.equal(
    shown.reduce((sum, { calls }) => sum + calls, 0),
    50_001,
  );
  assert.equal(
    shown.reduce((sum, { errors }) => sum + errors, 0),
    5000,
  );
});
