import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { collect, compose, GatewayError, idempotency, rateLimit } from "@gatewright/core";
import { chat, chunksOf } from "@gatewright/core/testing";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { attribute, own, scope } from "./conventions.ts";
import { telemetry } from "./telemetry.ts";
import { pinnedAttributes, pinnedMetrics } from "./testing/pinned.ts";
import { provider } from "./testing/provider.ts";
import { startSdk } from "./testing/sdk.ts";

const root = join(import.meta.dirname, "..");

/** The units of the metrics that the conventions do not know. */
const OWN_UNITS: Readonly<Record<string, string>> = {
  "gatewright.cache.lookups": "{lookup}",
  "gatewright.call.active": "{call}",
  "gatewright.call.duration": "s",
  "gatewright.call.time_to_first_chunk": "s",
  "gatewright.calls": "{call}",
  "gatewright.circuit.changes": "{change}",
  "gatewright.circuit.state": "1",
  "gatewright.fallbacks": "{fallback}",
  "gatewright.limit.decisions": "{decision}",
  "gatewright.log.dropped": "{line}",
  "gatewright.retries": "{retry}",
};

const isPinned = (name: string): boolean => pinnedAttributes.has(name) || name in pinnedMetrics;

test("every name of the conventions that the sources write is in the pinned version", () => {
  const files = globSync("src/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
  assert.ok(files.length > 10);
  const written = files.flatMap(
    (file) => readFileSync(join(root, file), "utf8").match(/\b(gen_ai|openai)\.[\w.]+\w/g) ?? [],
  );
  assert.ok(written.length > 25);
  assert.deepEqual(
    written.filter((name) => !isPinned(name)),
    [],
  );
});

test("every attribute is one of the pinned version, or has the project's own prefix", () => {
  for (const name of Object.values(attribute)) assert.ok(pinnedAttributes.has(name), name);
  for (const name of Object.values(own)) assert.match(name, /^gatewright\.[a-z_.]+$/);
});

test("what is emitted has the names and units of the pinned version, and each metric is emitted", async () => {
  await using sdk = startSdk();
  const { call, attempt, observeDropped, onCircuit, onRefused } = telemetry({ providers: { acme: "openai" } });
  observeDropped(() => 3);
  onCircuit({ target: "m", state: "open", calls: 1, failures: 1, probeInMs: 1 });
  onRefused(new GatewayError("llm.auth.missing_key", "no"), chat().call);
  const usage = { prompt_tokens: 1, completion_tokens: 1 };
  const down = new GatewayError("llm.provider.overloaded", "busy");
  const stream = [...chunksOf("a", "b"), { choices: [], usage, service_tier: "default" }];
  const again = compose(
    [
      call,
      idempotency(),
      rateLimit({ limits: [{ requests: 9, windowMs: 1000 }] }),
      async (request, next) =>
        next(request)
          .catch(() => next(request))
          .catch(() => next({ ...request, model: "n" })),
      attempt,
    ],
    provider("acme", down, down, stream),
  );
  const request = chat(
    { stream: true, service_tier: "flex", stop: ["x"], n: 2 },
    { headers: { "idempotency-key": "k" } },
  );
  await collect(await again(request));

  const metrics = await sdk.metrics();
  for (const { descriptor, dataPointType, dataPoints } of metrics) {
    const { name, unit, description } = descriptor;
    const pinned = pinnedMetrics[name];
    assert.equal(unit, pinned ?? OWN_UNITS[name], name);
    if (pinned) assert.equal(dataPointType, DataPointType.HISTOGRAM);
    assert.match(description, /\.$/);
    assert.ok(dataPoints.length > 0, name);
  }
  const expected = [
    ...Object.keys(pinnedMetrics).filter((name) => name.startsWith("gen_ai.client.")),
    ...Object.keys(OWN_UNITS),
  ];
  assert.deepEqual(metrics.map(({ descriptor }) => descriptor.name).sort(), expected.sort());

  const points = metrics.flatMap(({ dataPoints }): object[] => dataPoints.map(({ attributes }) => attributes));
  const emitted = [...points, ...sdk.spans.map(({ attributes }) => attributes)].flatMap(Object.keys);
  const known: ReadonlySet<string> = new Set(Object.values(own));
  assert.deepEqual(
    emitted.filter((name) => !isPinned(name) && !known.has(name)),
    [],
  );
  for (const { instrumentationScope } of sdk.spans) {
    assert.deepEqual(instrumentationScope, { name: scope.name, version: scope.version, ...scope.options });
  }
});

test("histograms have the buckets that the conventions ask for", async () => {
  await using sdk = startSdk();
  const usage = { prompt_tokens: 1, completion_tokens: 1 };
  const stream = [...chunksOf("a", "b"), { choices: [], usage }];
  await collect(await compose([telemetry().attempt], provider("acme", stream))(chat({ stream: true })));
  const boundaries = (await sdk.metrics()).flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ value }) => [descriptor.name, typeof value === "number" ? [] : bucketsOf(value)] as const),
  );
  const seconds = Array.from({ length: 14 }, (_, at) => 2 ** at / 100);
  const tokens = Array.from({ length: 14 }, (_, at) => 4 ** at);
  assert.deepEqual(Object.fromEntries(boundaries), {
    "gen_ai.client.operation.duration": seconds,
    "gen_ai.client.operation.time_to_first_chunk": seconds,
    "gen_ai.client.operation.time_per_output_chunk": seconds,
    "gen_ai.client.token.usage": tokens,
  });
});

test("the version that exporters show is that of the package", () => {
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.deepEqual({ name, version }, { name: scope.name, version: scope.version });
});

function bucketsOf(value: object): readonly number[] {
  return "buckets" in value &&
    typeof value.buckets === "object" &&
    value.buckets !== null &&
    "boundaries" in value.buckets
    ? (value.buckets.boundaries as readonly number[]) // Of the only kind of histogram that has buckets by boundaries.
    : [];
}
