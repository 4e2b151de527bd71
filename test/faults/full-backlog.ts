import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { TargetServer } from "./lab.ts";

/** Listens on a port, says which, and then stands still until it is told to go on: nobody is let in. */
const DEAF = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(workerData), 0, 0, 15_000);
    process.exit();
  });
`;

/**
 * A port whose queue of connections is full: what asks to be let in is not even refused, as behind a firewall that drops
 * everything. Linux does so; other systems may answer.
 */
export async function startFullBacklog(): Promise<TargetServer> {
  const gate = new SharedArrayBuffer(4);
  const worker = new Worker(DEAF, { eval: true, workerData: gate });
  const [port] = (await once(worker, "message")) as [number];
  const queued: Socket[] = [];
  const lastConnects = async (): Promise<boolean> => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    queued.push(socket);
    const late = performance.now() + 250;
    while (socket.connecting && performance.now() < late) await sleep(5);
    // On a busy machine the time may be over before the news is read.
    await sleep(20);
    return !socket.connecting;
  };
  while (await lastConnects()) if (queued.length > 64) throw new Error("the queue of this system does not fill");
  return {
    url: `http://127.0.0.1:${port}/v1`,
    async close() {
      for (const socket of queued) socket.destroy();
      const gone = once(worker, "exit");
      Atomics.store(new Int32Array(gate), 0, 1);
      Atomics.notify(new Int32Array(gate), 0);
      await gone;
    },
  };
}
