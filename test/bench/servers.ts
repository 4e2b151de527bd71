import type { RequestListener } from "node:http";

/** Makes the listener of one server, which calls the provider at that URL. */
export type MakeListener = (providerUrl: string) => RequestListener;

/** A server that takes part. Its code is loaded only in the process that runs it. */
export interface Contender {
  readonly title: string;
  readonly load: () => Promise<MakeListener>;
}

/** All servers, each beside the one it is compared with. */
export const contenders: Readonly<Record<string, Contender>> = {
  provider: {
    title: "provider alone",
    load: async () => {
      const { provider } = await import("./provider.ts");
      return () => provider;
    },
  },
  bare: { title: "bare node:http + undici", load: async () => (await import("./servers/bare.ts")).bare },
  toNode: { title: "toNode", load: async () => (await import("./servers/to-node.ts")).gatewayOnNode },
  watched: {
    title: "toNode, log, telemetry",
    load: async () => (await import("./servers/watched.ts")).watchedByNobody,
  },
  written: {
    title: "toNode, log to a file",
    load: async () => (await import("./servers/watched.ts")).watchedInAFile,
  },
  usual: { title: "toNode, usual parts", load: async () => (await import("./servers/watched.ts")).usual },
  usualWatched: {
    title: "usual parts, log, telemetry",
    load: async () => (await import("./servers/watched.ts")).usualByNobody,
  },
  usualWritten: {
    title: "usual parts, log to a file",
    load: async () => (await import("./servers/watched.ts")).usualInAFile,
  },
  express: { title: "bare Express 5", load: async () => (await import("./servers/express.ts")).bareExpress },
  toExpress: { title: "toExpress", load: async () => (await import("./servers/to-express.ts")).gatewayOnExpress },
  koa: { title: "bare Koa 3", load: async () => (await import("./servers/koa.ts")).bareKoa },
  toKoa: { title: "toKoa", load: async () => (await import("./servers/to-koa.ts")).gatewayOnKoa },
};
