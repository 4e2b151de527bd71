import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { telemetry } from "@gatewright/telemetry";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { startLab } from "./telemetry-lab.ts";

const root = join(import.meta.dirname, "..");
const rows = readFileSync(join(root, "docs/telemetry.md"), "utf8").match(/^\|.*$/gm) ?? [];

test("the page tells every metric, with its instrument and unit, and no other", async () => {
  await using lab = await startLab();
  for (const model of ["gpt-4o", "sim+status=503+times=1", "sim+status=500"]) {
    await lab.caller.ask(model, { stream: true, headers: { "idempotency-key": model } });
  }
  const { onCircuit, observeDropped } = telemetry();
  onCircuit({ target: "m", state: "open", calls: 1, failures: 1, probeInMs: 1 });
  observeDropped(() => 1);
  const kinds = {
    [DataPointType.HISTOGRAM]: "histogram",
    [DataPointType.EXPONENTIAL_HISTOGRAM]: "histogram",
    [DataPointType.GAUGE]: "gauge",
    [DataPointType.SUM]: "counter",
  };
  const made = (await lab.metrics()).map((metric) => {
    const isUpDown = metric.dataPointType === DataPointType.SUM && !metric.isMonotonic;
    const kind = isUpDown ? "up-down" : kinds[metric.dataPointType];
    return `| \`${metric.descriptor.name}\` | ${kind} | \`${metric.descriptor.unit}\` |`;
  });
  const told = rows.flatMap((row) => /^\| `[\w.]+` \| [\w-]+ \| `[^`]+` \|/.exec(row) ?? []);
  assert.deepEqual(told.sort(), made.sort());
});

test("the page tells every name that is in the sources, and no other", () => {
  const files = globSync("packages/telemetry/src/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
  const written = files.flatMap((file) => namesIn(readFileSync(join(root, file), "utf8"), '"'));
  assert.ok(written.length > 50);
  const told = rows.flatMap((row) => namesIn(row, "`"));
  assert.deepEqual([...new Set(told)].sort(), [...new Set(written)].sort());
});

/** The names of attributes, metrics and spans in a text, between two quotes. */
function namesIn(text: string, quote: string): string[] {
  const names = text.match(new RegExp(`${quote}(?:gen_ai|gatewright|openai|error|http)\\.[a-z_.]+${quote}`, "g")) ?? [];
  return names.map((name) => name.slice(1, -1));
}
