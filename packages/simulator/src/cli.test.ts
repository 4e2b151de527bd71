import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { directiveGroups } from "./directives.ts";
import { startSimulator } from "./start-simulator.ts";

const cli = fileURLToPath(new URL("cli.ts", import.meta.url));

async function run(...options: string[]) {
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [cli, ...options])) };
  } catch (error) {
    return error as { readonly code: number; readonly stdout: string; readonly stderr: string }; // What execFile rejects with.
  }
}

test("--help lists every directive", async () => {
  const { code, stdout } = await run("--help");
  assert.equal(code, 0);
  for (const { rules } of directiveGroups) {
    for (const name of Object.keys(rules)) assert.match(stdout, new RegExp(`^  ${name}(=| |\\[)`, "m"));
  }
});

test("names a flag that is wrong", async () => {
  const wrong: [string[], RegExp][] = [
    [["--port", "http"], /^--port needs a whole number from 0 to 65535, not "http"\./],
    [["--port", "70000"], /^--port/],
    [["--seed", "1.5"], /^--seed/],
    [["--host", ""], /^--host/],
    [["--api-key", ""], /^--api-key/],
    [["--prot", "1"], /--prot/],
    [["extra"], /extra/],
  ];
  for (const [options, message] of wrong) {
    const { code, stderr } = await run(...options);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});

test("names the flags of a port that is taken", async () => {
  const simulator = await startSimulator();
  const { port } = new URL(simulator.url);
  const { code, stderr } = await run("--port", port);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`--host 127.0.0.1 --port ${port}: .*EADDRINUSE`));
  await simulator.close();
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`prints a curl line that works, and exits with 0 on ${signal}`, async () => {
    const child = spawn(process.execPath, [cli, "--port", "0", "--api-key", "sk-test"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    for await (const part of child.stdout.setEncoding("utf8")) {
      output += part;
      if (output.includes("--help")) break;
    }
    const line = /^ {2}curl .*$/m.exec(output)?.[0] ?? "";
    const { stdout } = await promisify(execFile)("sh", ["-c", `${line} -s`]);
    assert.equal(JSON.parse(stdout).choices[0].message.content, "Hello there");
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });
}
