import type { IncomingMessage, ServerResponse } from "node:http";
import express, { type Router } from "express";
import { isLoopback } from "./values.ts";

/** What the gateway tells of itself. */
export interface Status {
  /** What is not as it should be, each with a word on it; and whether calls are taken all the same. */
  readonly readiness: () => Promise<Readiness>;
  readonly scrape: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface Readiness {
  readonly status: "ready" | "not ready" | "draining";
  readonly [part: string]: unknown;
}

/**
 * `/healthz`: it is alive. `/readyz`: it takes calls, or why it does not. `/metrics`: for Prometheus; where `open` is not set, only
 * for who asks from this machine and through no proxy.
 */
export function statusRoutes({ readiness, scrape }: Status, open: boolean): Router {
  return express
    .Router()
    .get("/healthz", (_request, response) => void response.json({ status: "ok" }))
    .get("/readyz", async (_request, response) => {
      const shown = await readiness();
      response.status(shown.status === "ready" ? 200 : 503).json(shown);
    })
    .get("/metrics", (request, response, next) => {
      if (open || isLocal(request)) scrape(request, response);
      else next();
    });
}

/** Whether a request comes from this machine: not through a proxy on it, nor from a page that a browser on it has open. */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  const isForwarded = Object.keys(headers).some((name) => FORWARDED.test(name));
  const host = (headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return !isForwarded && isLoopback(host) && isLoopback((socket.remoteAddress ?? "").replace(/^::ffff:/, ""));
}

const FORWARDED = /^(via|forwarded|x-real-ip|true-client-ip|x[-_]forwarded[-_].*|cf-.*)$/;
