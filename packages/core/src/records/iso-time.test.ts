import assert from "node:assert/strict";
import { test } from "node:test";
import { isoTime } from "./iso-time.ts";

test("a moment is written as Date writes it, whichever came before", () => {
  const moments = [0, 1, 999, 1000, 1_763_747_236_000, 1_763_747_236_007, 1_763_747_236_070, 1_763_747_235_999, -1];
  assert.deepEqual(
    moments.map(isoTime),
    moments.map((ms) => new Date(ms).toISOString()),
  );
});
