import { redact } from "@gatewright/core";
import type { NodeRedisClient, StateChange } from "@gatewright/redis";
import { createClient } from "@redis/client";
import type { Logger } from "pino";

/** A Redis that is connected, or will be. */
export interface Connection {
  readonly client: NodeRedisClient & { destroy(): void };
  /** Resolves once it is connected for the first time. */
  readonly connected: Promise<unknown>;
  /** Logs what a store tells of it. */
  readonly tell: (change: StateChange) => void;
}

/** Notices a connection that has gone silent, after which the client would by itself give up for good. */
const SOCKET = {
  connectTimeout: 1000,
  socketTimeout: 5000,
  reconnectStrategy: (tries: number) => Math.min(1000, 50 * 2 ** tries),
};

/** A client that fails at once while it is not connected, and goes on trying to connect. */
export function connect(url: string, log: Logger): Connection {
  const client = createClient({ url, disableOfflineQueue: true, pingInterval: 1000, socket: SOCKET });
  // The store tells of it once; the client would at each try.
  let last: string | undefined;
  const note = (error: Error & { code?: string }): void => {
    last = redact(error.message || (error.code ?? error.name));
  };
  client.on("error", note).on("ready", () => {
    last = undefined;
  });
  const connected = client.connect().catch(note);
  const tell = (change: StateChange): void => log.warn({ ...change, client: last }, "redis");
  return { client, connected, tell };
}
