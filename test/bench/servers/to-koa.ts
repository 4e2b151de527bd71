import { gateway } from "@gatewright/core";
import { toKoa } from "@gatewright/koa";
import { openai } from "@gatewright/providers";
import Koa from "koa";
import type { MakeListener } from "../servers.ts";

/** A gateway in a Koa app, which reads its own bodies. */
export const gatewayOnKoa: MakeListener = (providerUrl) =>
  new Koa().use(toKoa(gateway(openai({ baseUrl: `${providerUrl}/v1` })))).callback();
