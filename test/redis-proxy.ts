import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Stands between a client and a Redis. */
export interface RedisProxy {
  readonly port: number;
  /** How many scripts were sent, as their hash or as their text. */
  readonly scripts: number;
  /** Holds each answer back for as long, in milliseconds. */
  delayMs: number;
  /** Answers scripts with this error, and does not pass them on. */
  error: string | undefined;
  close(): Promise<void>;
}

/** Starts a proxy for the Redis at a port. */
export async function startProxy(target: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect(target, "127.0.0.1");
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on("data", (sent: Buffer) => {
      // A client sends small commands in one piece, alone or several together.
      const scripts = sent.toString("latin1").match(/\r\n(?:EVALSHA|EVAL|evalsha|eval)\r\n/g)?.length ?? 0;
      proxy.scripts += scripts;
      if (scripts > 0 && proxy.error !== undefined) client.write(`-${proxy.error}\r\n`.repeat(scripts));
      else redis.write(sent);
    });
    // Answers stay in their order, though the delay changes.
    let before = Promise.resolve();
    redis.on("data", (answer: Buffer) => {
      const late = proxy.delayMs > 0 ? sleep(proxy.delayMs) : undefined;
      before = before.then(async () => {
        await late;
        if (!client.destroyed) client.write(answer);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on a TCP port has an address of this kind.
  const { port } = server.address() as { port: number };
  const proxy: RedisProxy & { scripts: number } = {
    port,
    scripts: 0,
    delayMs: 0,
    error: undefined,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return proxy;
}
