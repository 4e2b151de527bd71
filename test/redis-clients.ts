import type { RedisClient } from "@gatewright/redis";
import { createClient, createCluster } from "@redis/client";
import { Cluster, Redis } from "ioredis";

/** A connected client, and what ends it. */
export interface OpenClient {
  readonly client: RedisClient;
  close(): Promise<void>;
}

/** Connects to the Redis at a port; one that is not there is waited for in the background. */
export type Connect = (port: number) => Promise<OpenClient>;

/** Both kinds of client, as they should be: they keep nothing that they cannot send. */
export const clients: Readonly<Record<"node-redis" | "ioredis", Connect>> = {
  "node-redis": async (port) => {
    const client = createClient({ socket: { host: "127.0.0.1", port }, disableOfflineQueue: true });
    client.on("error", () => {});
    const ready = client.connect().catch(() => {});
    await Promise.race([ready, new Promise((resolve) => client.once("error", resolve))]);
    return { client, close: async () => client.destroy() };
  },
  ioredis: async (port) => {
    const client = new Redis({ host: "127.0.0.1", port, enableOfflineQueue: false, maxRetriesPerRequest: 0 });
    client.on("error", () => {});
    await new Promise((resolve) => client.once("ready", resolve).once("close", resolve));
    return { client, close: async () => client.disconnect() };
  },
};

/** The same for a cluster, by the port of one of its nodes. */
export const clusterClients: Readonly<Record<"node-redis" | "ioredis", Connect>> = {
  "node-redis": async (port) => {
    const rootNodes = [{ socket: { host: "127.0.0.1", port } }];
    const client = createCluster({ rootNodes, defaults: { disableOfflineQueue: true } });
    client.on("error", () => {});
    await client.connect();
    return { client, close: async () => client.destroy() };
  },
  ioredis: async (port) => {
    const client = new Cluster([{ host: "127.0.0.1", port }], { enableOfflineQueue: false });
    client.on("error", () => {});
    await new Promise((resolve) => client.once("ready", resolve));
    return { client, close: async () => client.disconnect() };
  },
};
