import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestServer } from "@gatewright/core/testing";

/** A test server on a real port of the loopback. */
export interface ListeningServer extends TestServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
}

export async function listen(server: Server): Promise<ListeningServer> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  // A server that listens on a TCP port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    fetch: (path, init) => fetch(url + path, init),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port of the loopback that was free a moment ago: for a program that must be told on which one to listen. */
export async function freePort(): Promise<number> {
  const { port, close } = await listen(createServer());
  await close();
  return port;
}
