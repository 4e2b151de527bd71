import assert from "node:assert/strict";
import { type SpawnSyncOptionsWithStringEncoding, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleLog, sampleRecords } from "./sample.test.ts";

const command = new URL("./bin.ts", import.meta.url).pathname;

function run(args: readonly string[], input: string | number = "", flags: readonly string[] = []) {
  const options: SpawnSyncOptionsWithStringEncoding = {
    ...{ encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8" }, timeout: 60_000 },
    ...(typeof input === "string" ? { input } : { stdio: [input, "pipe", "pipe"] }),
  };
  return spawnSync(process.execPath, [...flags, command, ...args], options);
}

test("as a program, findings and notes are two streams, and the exit code says how it went", () => {
  const found = run([], sampleLog(200));
  assert.deepEqual([found.status, found.stderr], [0, ""]);
  assert.match(found.stdout, /^200 calls/);
  assert.match(found.stdout, /█/);
  assert.equal(run(["--id", "none"], sampleLog(1)).status, 1);
  const wrong = run(["--by", "x"]);
  assert.deepEqual([wrong.status, wrong.stdout], [2, ""]);
  assert.match(wrong.stderr, /^gatewright-explain: --by must be one of/);
});

test("who reads only the beginning hears no complaint", async () => {
  const child = spawn(process.execPath, [command, "--json", "-"], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdout.destroy();
  let notes = "";
  child.stderr.on("data", (piece) => {
    notes += String(piece);
  });
  // The names make the answer larger than what a pipe holds.
  child.stdin.end(sampleLog(500).replaceAll('"gpt-5"', () => `"gpt-5-${Math.random()}"`));
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.deepEqual([code, notes], [0, ""]);
});

test("200,000 lines pass through a small memory in a few seconds, from a file and from a pipe", {
  timeout: 120_000,
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gatewright-explain-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "log.jsonl");
  const file = openSync(path, "w");
  let text = "";
  for (const record of sampleRecords(200_000)) {
    text += `${JSON.stringify({ ...record, model: `${record.model}-${record.request_id}` })}\n`;
    if (text.length > 1e6) {
      writeSync(file, text);
      text = "";
    }
  }
  writeSync(file, text);
  closeSync(file);
  // The log has some 90 MB, and every call a model of its own.
  const small = ["--max-old-space-size=48"];
  const began = performance.now();
  const summed = run([path, "--json"], "", small);
  assert.equal(summed.status, 0, summed.stderr.slice(-2000));
  const { totals, models } = JSON.parse(summed.stdout);
  assert.deepEqual([totals.calls, models.length, models[0].name], [200_000, 1001, "(others)"]);
  const input = openSync(path, "r");
  for (const one of [
    run([path, "--id", "req-150000", "--json"], "", small),
    run(["--id", "req-150000", "--json"], input, small),
  ]) {
    assert.equal(one.status, 0, one.stderr.slice(-2000));
    const { read, forgotten, nearby } = JSON.parse(one.stdout);
    assert.deepEqual([read.records, forgotten], [200_000, false]);
    assert.ok(nearby.scopes.everything.calls > 20_000);
  }
  closeSync(input);
  const took = performance.now() - began;
  assert.ok(took < 60_000, `${took} ms`);
});
