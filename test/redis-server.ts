import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./listen.ts";

const run = promisify(execFile);
const PROGRAM = "redis-server";

/**
 * Why tests that need a Redis are skipped; `false` where there is one, and in CI, where they fail instead.
 * @example test("counts", { skip: skipRedis }, async () => {});
 */
export const skipRedis: string | false =
  !process.env.CI && spawnSync(PROGRAM, ["--version"]).error
    ? "redis-server is not installed: apt-get install redis-server"
    : false;

/** A Redis on a port of the loopback, with an empty memory and nothing on disk. */
export interface RedisServer {
  readonly port: number;
  /** Runs a command with redis-cli, and gives back what it prints. */
  cli(...command: readonly string[]): Promise<string>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it where it does not run. */
  start(): Promise<void>;
  /** Kills it where it runs, and starts it again on the same port: what it held is lost. */
  restart(): Promise<void>;
  /** Stops it in its tracks: connections stay open, and nothing is answered. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** Starts a Redis. */
export function startRedis(...options: readonly string[]): Promise<RedisServer> {
  return onFreePorts(() => startOnPort(options));
}

async function startOnPort(options: readonly string[]): Promise<RedisServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "gatewright-redis-"));
  folders.add(folder);
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = await spawnRedis(folder, ["--port", String(port), ...options]);
  };
  const kill = async (): Promise<void> => {
    if (!alive.has(child)) return;
    const ended = once(child, "close");
    child.ref();
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await start();
  } catch (error) {
    drop(folder);
    throw error;
  }
  return {
    port,
    cli: async (...command) => (await run("redis-cli", ["-p", String(port), ...command], CLI)).stdout.trimEnd(),
    kill,
    async start() {
      if (!alive.has(child)) await start();
    },
    async restart() {
      await kill();
      await start();
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async close() {
      await kill();
      drop(folder);
    },
  };
}

/** A cluster of three nodes that hold data, with a replica each. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  close(): Promise<void>;
}

/** Starts a cluster, and waits until all nodes know of all. */
export function startCluster(): Promise<RedisCluster> {
  return onFreePorts(startNodes);
}

async function startNodes(): Promise<RedisCluster> {
  const buses = await Promise.all(Array.from({ length: 6 }, freePort));
  // The shorter the timeout, the sooner a replica takes over; much shorter, and a busy machine looks like a dead node.
  const options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
  const starting = buses.map((bus) => startOnPort([...options, "--cluster-port", String(bus)]));
  const started = await Promise.allSettled(starting);
  const nodes = started.flatMap((node) => (node.status === "fulfilled" ? [node.value] : []));
  const failed = started.find((node) => node.status === "rejected");
  if (failed) {
    await Promise.all(nodes.map((node) => node.close()));
    throw failed.reason;
  }
  const addresses = nodes.map(({ port }, at) => `127.0.0.1:${port}@${buses[at]}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"], CLI);
  for (const node of nodes) {
    const isReady = async (): Promise<boolean> => {
      const told = [node.cli("CLUSTER", "INFO"), node.cli("CLUSTER", "NODES"), node.cli("INFO", "replication")];
      const [info = "", all = "", replication = ""] = await Promise.all(told);
      const knowsAll = info.includes("cluster_state:ok") && all.match(/\bslave\b/g)?.length === 3;
      return knowsAll && !replication.includes("master_link_status:down");
    };
    while (!(await isReady())) await sleep(50);
  }
  return { nodes, close: async () => void (await Promise.all(nodes.map((node) => node.close()))) };
}

const CLI = { timeout: 30_000 };

/** Starts something once more where another process has taken one of its ports between the choice and the start. */
async function onFreePorts<Started>(start: () => Promise<Started>): Promise<Started> {
  for (let left = 4; ; left--) {
    try {
      return await start();
    } catch (error) {
      if (left === 0 || !(error instanceof Error && error.message.includes("Address already in use"))) throw error;
    }
  }
}

/** What must not outlive the tests, however they end. */
const alive = new Set<ChildProcess>();
const folders = new Set<string>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
  for (const folder of folders) drop(folder);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

function drop(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

async function spawnRedis(folder: string, options: readonly string[]): Promise<ChildProcess> {
  const nothingOnDisk = ["--save", "", "--appendonly", "no", "--dir", folder];
  const child = spawn(PROGRAM, ["--bind", "127.0.0.1", ...nothingOnDisk, ...options], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  alive.add(child);
  child.once("close", () => alive.delete(child));
  let printed = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => reject(new Error(`redis-server has ended: ${printed}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-2000);
      if (printed.includes("Ready to accept connections")) resolve();
    });
  });
  // Tests that end without closing it, since another part of their set-up failed, end all the same.
  child.unref();
  (child.stdout as Socket).unref();
  return child;
}
