import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { hashOf } from "./record.ts";

const command = new URL("./bin.ts", import.meta.url).pathname;

function run(args: readonly string[], input = ""): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [command, ...args], { input, encoding: "utf8", timeout: 20_000 });
}

test("as a program, data and notes are two streams, and the exit code says how it went", () => {
  const made = run(["create", "alice", "--json"]);
  assert.equal(made.status, 0, made.stderr);
  const { key, record } = JSON.parse(made.stdout);
  assert.equal(record.sha256, hashOf(key).toString("hex"));
  const wrong = run(["create"]);
  assert.equal(wrong.status, 2);
  assert.equal(wrong.stdout, "");
  assert.match(wrong.stderr, /^gatewright-keys: Give one name/);
  assert.equal(run(["list", "--file", "/nowhere/keys.json"]).status, 1);
});

test("as a program, hash reads the standard input, and no more of it than a key can be", () => {
  const key = "a-key-of-mine-0123456789";
  assert.equal(run(["hash"], `${key}\n`).stdout, `${hashOf(key).toString("hex")}\n`);
  assert.equal(run(["hash"], "x".repeat(1 << 20)).status, 2);
});
