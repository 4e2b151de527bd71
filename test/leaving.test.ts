import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { gateway } from "@gatewright/core";
import { scripted } from "@gatewright/core/testing";
import { toExpress } from "@gatewright/express";
import express from "express";
import { listen } from "./listen.ts";

test("a caller who left while the host's own middleware was at work costs no provider call", {
  timeout: 5000,
}, async () => {
  const provider = scripted("nobody hears this");
  const codes: string[] = [];
  const api = gateway(provider, { onError: ({ code }) => codes.push(code) });
  const arrived = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const app = express().use((_request, response, next) => {
    arrived.resolve();
    response.once("close", () => {
      next();
      setImmediate(answered.resolve);
    });
  });
  const server = await listen(createServer(app.use("/v1", toExpress(api))));
  const caller = connect(server.port, "127.0.0.1");
  await once(caller, "connect");
  const head =
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
  caller.write(`${head}{"model":`);
  await arrived.promise;
  caller.destroy();
  await answered.promise;
  assert.deepEqual(codes, ["llm.canceled"]);
  assert.equal(provider.requests.length, 0);
  await server.close();
});
