import assert from "node:assert/strict";
import { test } from "node:test";
import { plotLines } from "./plot.ts";

const series = {
  fromMs: Date.UTC(2026, 2, 4, 12),
  stepMs: 60_000,
  buckets: [0, 1, 4, 8, 12, 16, 20, 24, 28, 32, 16, 2].map((calls, at) => ({
    calls,
    errors: at === 9 ? 3 : at === 10 ? 1 : 0,
  })),
};

test("a plot has calls above errors, each on its own scale, and the time below", () => {
  assert.deepEqual(plotLines(series, { unicode: true, emphasis: (text) => text }), [
    "calls 32 ┤        ▄█",
    "         │      ▄███",
    "         │    ▄██████",
    "         │ ▁▄████████▂",
    "errors 3 ┤         █",
    "         │         █",
    "         │         ██",
    "         └────────────",
    "          12:00",
  ]);
});

test("without Unicode it is drawn in ASCII", () => {
  const lines = plotLines(series, { unicode: false, emphasis: (text) => text });
  assert.match(lines.join(""), /^[ -~]*$/);
  assert.equal(lines[0], "calls 32 +        :#");
  assert.equal(lines[7], "         +------------");
});

test("what stands out are the errors alone", () => {
  const lines = plotLines(series, { unicode: true, emphasis: (text) => `<${text}>` });
  assert.deepEqual(
    lines.map((line) => line.includes("<")),
    [false, false, false, false, true, true, true, false, false],
  );
});

test("one bucket, and none that failed, are drawn too", () => {
  const lines = plotLines(
    { ...series, buckets: [{ calls: 1, errors: 0 }] },
    { unicode: true, emphasis: (text) => text },
  );
  assert.deepEqual(lines.slice(0, 5), [" calls 1 ┤█", "         │█", "         │█", "         │█", "errors 0 ┤"]);
});

test("what is little is not drawn as nothing", () => {
  const buckets = [1000, 1, 0].map((calls) => ({ calls, errors: 0 }));
  assert.equal(plotLines({ ...series, buckets }, { unicode: true, emphasis: (text) => text })[3], "            │█▁");
});
