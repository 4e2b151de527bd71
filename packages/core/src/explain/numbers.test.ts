import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, counted, duration, share } from "./numbers.ts";

test("durations have the unit that fits, and do not round up into the next", () => {
  const written = [undefined, 0, 412.4, 999.4, 999.6, 12_345, 99_960, 270_000, 7_200_000].map(duration);
  assert.deepEqual(written, ["–", "0 ms", "412 ms", "999 ms", "1.0 s", "12.3 s", "1.7 min", "4.5 min", "2.0 h"]);
});

test("a share that is not nothing does not look like nothing, nor one that is not all like all", () => {
  const written = [share(0, 10), share(1, 3), share(1, 100_000), share(99_999, 100_000), share(5, 5), share(0, 0)];
  assert.deepEqual(written, ["0 %", "33.3 %", "<0.1 %", ">99.9 %", "100 %", "–"]);
});

test("counts and amounts", () => {
  assert.deepEqual(
    [counted(1, "try"), counted(0, "try"), counted(12_345, "call")],
    ["1 try", "0 tries", "12,345 calls"],
  );
  assert.deepEqual([amount(0.012345), amount(4.5987), amount(12_345.6)], ["0.01235", "4.599", "12,346"]);
});
