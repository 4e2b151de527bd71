import { gateway } from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import express from "express";
import type { MakeListener } from "../servers.ts";

/** A gateway in an Express app, which reads its own bodies. */
export const gatewayOnExpress: MakeListener = (providerUrl) =>
  express().use("/v1", toExpress(gateway(openai({ baseUrl: `${providerUrl}/v1` }))));
