import type { IncomingMessage, ServerResponse } from "node:http";
import type { Gateway } from "@gatewright/core";
import { pathOf, serve } from "@gatewright/core/node";

/**
 * A gateway as Express middleware, for Express 5 and 4. Mount it where its paths should begin; what is not the gateway's
 * goes on to the app's own routes. A body that `express.json()` has parsed is used; in front of it, the gateway reads
 * its own, with its own limits and errors.
 * @example app.use("/v1", toExpress(gateway(pipeline)));
 */
export function toExpress(
  gateway: Gateway,
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    // Express takes the mount point off `url`.
    const path = pathOf(request.url);
    if (gateway.owns(path)) serve(gateway, request, response, path).catch(next);
    else next();
  };
}
