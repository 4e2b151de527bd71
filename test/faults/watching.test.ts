import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type LogSink, log } from "@gatewright/core";
import { freePort, listen } from "../listen.ts";
import { row, tell } from "./row.ts";
import { told } from "./seen.ts";
import { until } from "./until.ts";

// What becomes of calls while nobody takes what is told of them: the sink of a log, a reader of lines, a collector.

/** Five calls, watched by a second log whose sink is out of order. */
function outOfOrder(name: string, fault: string, sink: LogSink, dropped: number): void {
  const watching = log({ sink, maxPending: 2 });
  row({ row: name, phase: "deps", fault }, { layers: [watching] }, async (lab) => {
    const answers: string[] = [];
    for (let calls = 0; calls < 5; calls++) answers.push(tell(await lab.caller.ask("sim")));
    await until(() => watching.dropped() === dropped, `${dropped} records are counted as dropped`);
    return {
      done: told([...new Set(lab.log.map(({ tried }) => tried))]),
      back: `${told([...new Set(answers)])}, for each`,
    };
  });
}

outOfOrder("77", "the log's sink throws", { write: () => assert.fail("no space") }, 5);
outOfOrder("77, rejects", "the log's sink rejects", { write: () => Promise.reject(new Error("EPIPE")) }, 5);
outOfOrder(
  "77, hangs",
  "the log's sink never ends, and may be writing two records",
  { write: () => new Promise(() => {}) },
  3,
);

const port = await freePort();
const url = `http://127.0.0.1:${port}`;

/** The example gateway, its standard output where `stdout` says. */
async function startGateway(stdout: "pipe" | number, environment: Readonly<Record<string, string>> = {}) {
  const main = fileURLToPath(new URL("../../examples/gateway/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, PORT: String(port), GATEWAY_LOG_CONTENT: "true", ...environment },
    stdio: ["ignore", stdout, "pipe"],
  });
  after(() => child.kill("SIGKILL"));
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  for (let tries = 0; ; tries++) {
    const ready = await fetch(`${url}/readyz`).catch(() => undefined);
    if (ready?.ok) break;
    assert.ok(tries < 200 && child.exitCode === null, `it does not start: ${stderr}`);
    await sleep(50);
  }
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    assert.deepEqual([code, stderr], [0, ""]);
  };
  return { child, stop };
}

/** Makes calls of which each leaves a record of some 40 KB; all are answered. */
async function call(times: number): Promise<void> {
  const content = "lorem ipsum ".repeat(1600);
  const body = JSON.stringify({ model: "sim", messages: [{ role: "user", content }] });
  for (let made = 0; made < times; made++) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
    assert.equal(response.status, 200);
    await response.text();
  }
}

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

const DROPPED = /^gatewright_log_dropped\S* (\d+)$/m;

describe("Rows 76 and 77, a process", { timeout: 90_000, concurrency: false }, () => {
  test("whose reader has gone answers on, and counts what is lost", async () => {
    const { child, stop } = await startGateway("pipe");
    child.stdout?.destroy();
    await call(20);
    assert.ok((await metric(DROPPED)) > 0);
    await stop();
  });

  test("whose disk is full answers on, and counts what is lost", async (context) => {
    let full: number;
    try {
      full = openSync("/dev/full", "w");
    } catch {
      return context.skip("there is no /dev/full");
    }
    const { stop } = await startGateway(full);
    closeSync(full);
    await call(20);
    assert.ok((await metric(DROPPED)) > 0);
    await stop();
  });

  test("whose reader does not read answers on, keeps some of it and counts what is lost", async () => {
    const { child, stop } = await startGateway("pipe");
    child.stdout?.pause();
    await call(400);
    assert.ok((await metric(DROPPED)) > 0);
    child.stdout?.resume();
    await stop();
  });

  test("whose collector has gone answers on, and counts the spans that are lost", async () => {
    const gone = await listen(createServer());
    await gone.close();
    const { child, stop } = await startGateway("pipe", { OTEL_EXPORTER_OTLP_ENDPOINT: gone.url });
    child.stdout?.resume();
    await call(20);
    const lost = /^otel_sdk_processor_span_processed\w*\{[^}]*error_type="[^"]+"[^}]*\} (\d+)$/m;
    for (let waits = 0; waits < 300 && !((await metric(lost)) > 0); waits++) await sleep(100);
    assert.ok((await metric(lost)) >= 20);
    await stop();
  });
});
