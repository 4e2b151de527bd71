import { bodyParser } from "@koa/bodyparser";
import Koa from "koa";
import type { MakeListener } from "../servers.ts";
import { askProvider, wantsStream } from "./ask-provider.ts";

/** The proxy that most people write with Koa: a body parser in front, and `context.body`. */
export const bareKoa: MakeListener = (providerUrl) => {
  const ask = askProvider(providerUrl);
  const app = new Koa().use(bodyParser()).use(async (context) => {
    const { body } = context.request;
    const answer = await ask(body);
    context.status = answer.statusCode;
    if (wantsStream(body)) {
      context.type = "text/event-stream";
      context.body = answer.body;
    } else context.body = await answer.body.json();
  });
  return app.callback();
};
