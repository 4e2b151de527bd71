import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compose, gateway, type LogSink, log, toNode } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { telemetry } from "@gatewright/telemetry";
import { destination, pino } from "pino";
import type { MakeListener } from "../servers.ts";

/** The gateway of `toNode` with each call logged, traced and counted, where nobody looks: no SDK, and a sink that does nothing. */
export const watchedByNobody: MakeListener = (providerUrl) => watched(providerUrl, { write: () => {} });

/** The same, each record written to a file. */
export const watchedInAFile: MakeListener = (providerUrl) => {
  const folder = mkdtempSync(join(tmpdir(), "gatewright-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const lines = pino({ timestamp: false }, destination({ dest: join(folder, "calls.log"), sync: false }));
  return watched(providerUrl, { write: (record) => lines.info(record, "call") });
};

function watched(providerUrl: string, sink: LogSink): ReturnType<MakeListener> {
  const calls = log({ sink });
  const traced = telemetry();
  const pipeline = compose([calls, traced.call, traced.attempt], openai({ baseUrl: `${providerUrl}/v1` }));
  return toNode(gateway(pipeline, { onError: calls.onError }));
}
