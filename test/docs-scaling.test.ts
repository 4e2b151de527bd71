import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "./listen.ts";
import { skipRedis } from "./redis-server.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(new URL("../docs/scaling.md", import.meta.url), "utf8");

test("the commands of docs/scaling.md work as pasted", { skip: skipRedis, timeout: 120_000 }, async () => {
  const redisPort = await freePort();
  const ports = await portsInARow();
  after(() => {
    for (const port of ports) rmSync(`/tmp/gateway-${port}.log`, { force: true });
  });
  const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);
  assert.equal(blocks.length, 3);
  // On other ports than the page, as those may be taken; and what runs this has installed the workspace already.
  const script = blocks
    .join("\necho '---'\n")
    .replace("npx pnpm@12 install\n", "")
    .replaceAll("6390", String(redisPort))
    .replaceAll("880", String(Math.floor((ports[0] ?? 0) / 10)));

  const shell = [
    "-c",
    `trap 'kill $(jobs -p) 2> /dev/null; redis-cli -p ${redisPort} shutdown nosave 2> /dev/null' EXIT\n${script}`,
  ];
  const { stdout } = await promisify(execFile)("bash", shell, { cwd: root });
  const [started = "", withRedis = "", without = ""] = stdout.split("---\n");
  assert.equal(started.match(/"ready"/g)?.length, 3, stdout);
  const half = /^ *30 200\n *30 429\n/;
  assert.match(withRedis, half);
  assert.match(without, half);
  assert.equal(without.match(/"state":"down"/g)?.length, 3, without);
});

/** Three free ports that differ in their last digit only, which is 1, 2 and 3. */
async function portsInARow(): Promise<number[]> {
  for (;;) {
    const first = Math.floor((await freePort()) / 10) * 10 + 1;
    const row = [first, first + 1, first + 2];
    if (first < 65_000 && (await Promise.all(row.map(isFree))).every(Boolean)) return row;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
