import type { IncomingMessage, ServerResponse } from "node:http";
import type { Gateway, MountOptions } from "@gatewright/core";
import { mountPath, pathOf, serve } from "@gatewright/core/node";

/** What of Koa's context is used; Koa 3 and 2 have it alike. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** `body` is what a body parser left. */
  readonly request: { readonly body?: unknown };
  respond?: boolean | undefined;
}

/**
 * A gateway as Koa middleware, for Koa 3 and 2. It answers the paths below `prefix` that are its own; all others go on
 * to the app. Middleware in front of it runs as usual and sees the answer's status; a parsed body is used.
 * @example app.use(toKoa(gateway(pipeline), { prefix: "/v1" }));
 */
export function toKoa(
  gateway: Gateway,
  { prefix = "/v1" }: MountOptions = {},
): (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown> {
  const below = mountPath(prefix);
  return async (context, next) => {
    const path = below(pathOf(context.req.url));
    if (path === undefined || !gateway.owns(path)) return next();
    // The gateway writes the answer itself, piece by piece.
    context.respond = false;
    return serve(gateway, context.req, context.res, path, context.request.body);
  };
}
