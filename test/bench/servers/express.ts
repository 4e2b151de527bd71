import express from "express";
import type { MakeListener } from "../servers.ts";
import { askProvider, wantsStream } from "./ask-provider.ts";

/** The proxy that most people write with Express: `express.json()` in front, `response.json()` behind. */
export const bareExpress: MakeListener = (providerUrl) => {
  const ask = askProvider(providerUrl);
  return express()
    .use(express.json())
    .post("/v1/chat/completions", async (request, response) => {
      const body: unknown = request.body;
      const answer = await ask(body);
      response.status(answer.statusCode);
      if (wantsStream(body)) answer.body.pipe(response.type("text/event-stream"));
      else response.json(await answer.body.json());
    });
};
