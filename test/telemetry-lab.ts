import assert from "node:assert/strict";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  auth,
  circuitBreaker,
  compose,
  fallback,
  type GatewayOptions,
  gateway,
  hedge,
  idempotency,
  type Middleware,
  rateLimit,
  retry,
  timeout,
  toNode,
} from "@gatewright/core";
import { openai, route } from "@gatewright/providers";
import { type Simulator, startSimulator } from "@gatewright/simulator";
import { telemetry } from "@gatewright/telemetry";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { Caller } from "./faults/caller.ts";
import { listen } from "./listen.ts";
import { startSdk } from "./otel-sdk.ts";

/** What may differ from one test to the next. */
interface LabOptions {
  /** Who may call; default everybody. */
  readonly keys?: Parameters<typeof auth>[0]["keys"];
  /** Whether a second try is begun after 50 ms, in place of retries. */
  readonly hedges?: boolean;
  readonly gateway?: GatewayOptions;
  /** Where the first provider is, in place of a simulator. */
  readonly url?: string;
}

/** A gateway that is traced and measured, between a caller and two simulated providers, all on real ports. */
interface Lab extends AsyncDisposable {
  readonly caller: Caller;
  readonly primary: Simulator;
  readonly backup: Simulator;
  /** The span of the one call that was made, once it has ended. */
  call(): Promise<ReadableSpan>;
  /** The spans of calls of providers, in the order in which they began. */
  attempts(): ReadableSpan[];
  metrics(): Promise<MetricData[]>;
  /** The value of a metric, or how many values it has, over all its attributes. */
  count(name: string): Promise<number>;
  /** All that was exported, as text. */
  exported(): Promise<string>;
}

/** The key of the gateway for its providers: nobody must ever see it. */
export const PROVIDER_KEY = "sk-provider-0123456789abcdef";

export async function startLab({ keys, hedges = false, url, ...options }: LabOptions = {}): Promise<Lab> {
  const sdk = startSdk();
  const [primary, backup] = await Promise.all([startSimulator(), startSimulator({ seed: 2 })]);
  const observed = telemetry({ providers: { primary: "openai" } });
  const again: Middleware[] = hedges
    ? [hedge({ afterMs: 50, budget: { perSecond: 100 } })]
    : [
        fallback({ models: { "sim+status=500": ["backup"] } }),
        retry({ baseDelayMs: 5, throttleDelayMs: 5, retries: 1 }),
      ];
  const pipeline = compose(
    [
      observed.call,
      ...(keys ? [auth({ keys })] : []),
      idempotency(),
      rateLimit({ limits: [{ requests: 100, windowMs: 60_000 }] }),
      circuitBreaker({ onChange: observed.onCircuit }),
      ...again,
      timeout({ firstTokenMs: 2000, completionMs: 2000 }),
      observed.attempt,
    ],
    route({
      backup: openai({ name: "backup", baseUrl: backup.url }),
      "*": openai({ name: "primary", baseUrl: url ?? primary.url, apiKey: PROVIDER_KEY }),
    }),
  );
  const api = gateway(pipeline, { ...options.gateway, onError: observed.onRefused });
  const listening = await listen(createServer(toNode(api)));
  const caller = new Caller(listening.port);

  return {
    caller,
    primary,
    backup,
    async call() {
      const ended = (): ReadableSpan[] => sdk.spans.getFinishedSpans().filter(({ name }) => name === "gatewright.call");
      for (let tries = 0; tries < 400 && ended().length === 0; tries++) await sleep(5);
      // One that is told twice is told within a moment.
      await sleep(20);
      const [span, ...others] = ended();
      assert.ok(span, "the call has no span");
      assert.equal(others.length, 0);
      return span;
    },
    attempts: () =>
      sdk.spans
        .getFinishedSpans()
        .filter(({ name }) => name === "chat" || name.startsWith("chat "))
        .sort((one, other) => one.startTime[0] - other.startTime[0] || one.startTime[1] - other.startTime[1]),
    metrics: sdk.metrics,
    async count(name) {
      const points = (await sdk.metrics()).find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
      return points.reduce((sum, { value }) => sum + (typeof value === "number" ? value : value.count), 0);
    },
    async exported() {
      const shown = sdk.spans.getFinishedSpans().map((span) => {
        const { name, attributes, status, events, links } = span;
        return { name, attributes, status, events, links, trace: span.spanContext() };
      });
      return JSON.stringify([shown, await sdk.metrics()]);
    },
    async [Symbol.asyncDispose]() {
      caller.close();
      await listening.close();
      await Promise.all([primary.close(), backup.close(), sdk.stop()]);
    },
  };
}
