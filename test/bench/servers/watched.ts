import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  auth,
  circuitBreaker,
  compose,
  concurrency,
  fallback,
  gateway,
  type LogSink,
  log,
  type Middleware,
  rateLimit,
  retry,
  timeout,
  toNode,
} from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { telemetry } from "@gatewright/telemetry";
import { destination, pino } from "pino";
import { KEY } from "../calls.ts";
import type { MakeListener } from "../servers.ts";

/** The gateway of `toNode` with each call logged, traced and counted, where nobody looks: no SDK, and a sink that does nothing. */
export const watchedByNobody: MakeListener = (providerUrl) => served(providerUrl, () => [], NOBODY);

/** The same, each record written to a file. */
export const watchedInAFile: MakeListener = (providerUrl) => served(providerUrl, () => [], file());

/** A gateway as one is run: with keys, limits, time limits, retries, a fallback and a circuit breaker. */
export const usual: MakeListener = (providerUrl) => served(providerUrl, usualLayers);

export const usualByNobody: MakeListener = (providerUrl) => served(providerUrl, usualLayers, NOBODY);

export const usualInAFile: MakeListener = (providerUrl) => served(providerUrl, usualLayers, file());

const NOBODY: LogSink = { write: () => {} };

function served(providerUrl: string, layers: () => readonly Middleware[], sink?: LogSink): ReturnType<MakeListener> {
  const provider = openai({ baseUrl: `${providerUrl}/v1` });
  if (!sink) return toNode(gateway(compose(layers(), provider)));
  const calls = log({ sink });
  const traced = telemetry();
  const pipeline = compose([calls, traced.call, ...layers(), traced.attempt], provider);
  return toNode(gateway(pipeline, { onError: calls.onError }));
}

/** What limits there are is never reached. */
function usualLayers(): readonly Middleware[] {
  const windowMs = 60_000;
  return [
    auth({ keys: [{ name: "bench", key: KEY }] }),
    timeout({ totalMs: 120_000 }),
    rateLimit({
      limits: [
        { requests: 1e9, windowMs, per: ["caller", "model"] },
        { tokens: 1e12, windowMs, per: ["caller", "model"] },
      ],
    }),
    concurrency({ max: 100 }),
    fallback(),
    circuitBreaker(),
    retry(),
    timeout({ firstTokenMs: 30_000, idleMs: 30_000 }),
  ];
}

/** Lines are gathered before they are written, as pino advises for many. */
function file(): LogSink {
  const folder = mkdtempSync(join(tmpdir(), "gatewright-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const lines = pino(
    { timestamp: false },
    destination({ dest: join(folder, "calls.log"), sync: false, minLength: 4096 }),
  );
  return { write: (record) => lines.info(record, "call") };
}
