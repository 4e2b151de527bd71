import type { IncomingMessage, ServerResponse } from "node:http";
import type { Gateway } from "./gateway.ts";
import { type MountOptions, mountPath } from "./mount.ts";
import { pathOf, serve } from "./node.ts";

/**
 * A gateway as a listener for `http.createServer`. It answers every request: paths that are not the gateway's with 404.
 * @example createServer(toNode(gateway(pipeline))).listen(8787);
 */
export function toNode(
  gateway: Gateway,
  { prefix = "/v1" }: MountOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const below = mountPath(prefix);
  return (request, response) => {
    serve(gateway, request, response, below(pathOf(request.url)) ?? NOWHERE).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  };
}

/** A path that no gateway owns. */
const NOWHERE = "";
