import { gateway, toNode } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import type { MakeListener } from "../servers.ts";

/** A gateway on `node:http`, with nothing between it and the provider. */
export const gatewayOnNode: MakeListener = (providerUrl) => toNode(gateway(openai({ baseUrl: `${providerUrl}/v1` })));
