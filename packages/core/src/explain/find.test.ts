import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../records/record.ts";
import { find } from "./find.ts";
import { Recall } from "./recall.ts";
import { BEGAN, record } from "./sample.test.ts";
import type { Source } from "./sources.ts";

const anyTime = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY, onPiece: () => {} };

function source(again: boolean, ...lines: readonly (Partial<CallRecord> | string)[]): Source & { opened: number } {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(record(line)))).join("\n");
  const made = {
    name: "log",
    again,
    opened: 0,
    async *open(): AsyncGenerator<Buffer> {
      made.opened++;
      yield Buffer.from(text);
    },
  };
  return made;
}

const at = (second: number): { readonly time: string } => ({ time: new Date(BEGAN + second * 1000).toISOString() });
const before = Array.from({ length: 10 }, (_, n) => ({ request_id: `before-${n}`, ...at(n) }));
const after = [{ request_id: "after", ...at(20) }];
const wanted = { request_id: "wanted", ...at(15) };

test("a file is read twice, what cannot be is read once, and both find the same", async () => {
  const file = source(true, ...before, wanted, ...after, "no record");
  const pipe = source(false, ...before, wanted, ...after, "no record");
  const [twice, once] = await Promise.all([find([file], "wanted", anyTime), find([pipe], "wanted", anyTime)]);
  assert.deepEqual([file.opened, pipe.opened], [2, 1]);
  assert.equal(twice?.nearby?.scopes.everything.calls, 11);
  assert.deepEqual(twice, once);
  assert.deepEqual([twice?.tally.records, twice?.tally.other, twice?.forgotten], [12, 1, false]);
});

test("a file beside what can be read only once is read only once, too", async () => {
  const [file, pipe] = [source(true, ...before), source(false, wanted, ...after)];
  const found = await find([file, pipe], "wanted", anyTime);
  assert.deepEqual([file.opened, pipe.opened, found?.nearby?.scopes.everything.calls], [1, 1, 11]);
});

test("what had to be forgotten is said, where it could have counted", async () => {
  const pipe = (): Source => source(false, ...before, wanted, ...after);
  const near = await find([pipe()], "wanted", anyTime, new Recall(4));
  assert.deepEqual([near?.forgotten, near?.nearby?.scopes.everything.calls], [true, 5]);
  const late = { ...wanted, ...at(3600) };
  const far = await find([source(false, ...before, late)], "wanted", anyTime, new Recall(4));
  assert.deepEqual([far?.forgotten, far?.nearby?.scopes.everything.calls], [false, 0]);
});

test("of several records of an id the last is explained, and the others are told", async () => {
  const lines = [{ ...wanted, outcome: "canceled" as const }, wanted, { ...wanted, ...at(16), total_ms: 7 }];
  for (const again of [true, false]) {
    const found = await find([source(again, ...lines)], "wanted", anyTime);
    assert.equal(found?.entry.totalMs, 7);
    assert.deepEqual(
      found?.namesakes.map(({ outcome }) => outcome),
      ["canceled", "completed"],
    );
  }
});

test("an id is found however it is written, and only where it is the request id", async () => {
  for (const id of ['quo"te\\d', "späm", "a/b"]) {
    assert.equal((await find([source(true, { request_id: id })], id, anyTime))?.entry.id, id);
  }
  assert.equal(await find([source(true, { caller: "wanted", request_id: "wanted-2" })], "wanted", anyTime), undefined);
  assert.equal(await find([source(false)], "wanted", anyTime), undefined);
});
