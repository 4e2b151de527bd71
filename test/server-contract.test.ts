import { createServer } from "node:http";
import { test } from "node:test";
import { type Gateway, toFetch, toNode } from "@gatewright/core";
import { type RegisterTest, type TestServer, testServer } from "@gatewright/core/testing";
import { toExpress } from "@gatewright/express";
import { toKoa } from "@gatewright/koa";
import { bodyParser } from "@koa/bodyparser";
import express from "express";
import express4 from "express4";
import Koa from "koa";
import Koa2 from "koa2";
import { listen } from "./listen.ts";

const adapters: Readonly<Record<string, (gateway: Gateway) => Promise<TestServer>>> = {
  toNode: (gateway) => listen(createServer(toNode(gateway))),
  toFetch: async (gateway) => {
    const fetch = toFetch(gateway);
    return { fetch: (path, init) => fetch(new URL(path, "http://gateway.test"), init), close: async () => {} };
  },
  "Express 5": (gateway) => listen(createServer(express().use("/v1", toExpress(gateway)))),
  "Express 4": (gateway) => listen(createServer(express4().use("/v1", toExpress(gateway)))),
  "Express 5 behind express.json()": (gateway) => {
    const app = express()
      .use(express.json({ limit: "1mb" }))
      .use("/v1", toExpress(gateway));
    return listen(createServer(app.use(hostErrors)));
  },
  "Express 4 behind express.json()": (gateway) => {
    const app = express4()
      .use(express4.json({ limit: "1mb" }))
      .use("/v1", toExpress(gateway));
    return listen(createServer(app.use(hostErrors)));
  },
  "Koa 3": (gateway) => listen(createServer(new Koa().use(toKoa(gateway)).callback())),
  "Koa 2": (gateway) => listen(createServer(new Koa2().use(toKoa(gateway)).callback())),
  "Koa 3 behind a body parser": (gateway) => {
    const app = new Koa()
      .use(quietErrors)
      .use(bodyParser({ jsonLimit: "1mb" }))
      .use(toKoa(gateway));
    return listen(createServer(app.callback()));
  },
  "Koa 2 behind a body parser": (gateway) => {
    const app = new Koa2()
      .use(quietErrors)
      .use(bodyParser({ jsonLimit: "1mb" }))
      .use(toKoa(gateway));
    return listen(createServer(app.callback()));
  },
};

for (const [name, start] of Object.entries(adapters)) {
  const named: RegisterTest = (what, run) => test(`${name} ${what}`, { timeout: 10_000 }, run);
  testServer(named, start);
}

/** The host app's own error handler: what its body parser refuses never reaches the gateway. */
function hostErrors(
  error: { readonly status?: number },
  _request: unknown,
  response: { status(code: number): { json(body: object): void } },
  _next: unknown,
): void {
  response.status(error.status ?? 500).json({ host: "refused" });
}

async function quietErrors(context: { status: number; body: unknown }, next: () => Promise<unknown>): Promise<void> {
  try {
    await next();
  } catch (error) {
    context.status = (error as { readonly status?: number }).status ?? 500;
    context.body = { host: "refused" };
  }
}
