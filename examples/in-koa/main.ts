// A Koa app that exists already: a timer around everything, a page of its own. The gateway is one line of it.
import { compose, gateway } from "@gatewright/core";
import { toKoa } from "@gatewright/koa";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import Koa from "koa";

const simulator = await startSimulator();
const pipeline = compose([], openai({ baseUrl: simulator.url }));

const app = new Koa();
app.use(async (context, next) => {
  const startedAt = performance.now();
  await next();
  console.log(`${context.method} ${context.path} ${context.status} ${Math.round(performance.now() - startedAt)} ms`);
});
app.use(toKoa(gateway(pipeline), { prefix: "/v1" }));
app.use((context) => {
  if (context.path === "/") context.body = "The shop is open.";
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : address;
  console.log(`The shop is at http://127.0.0.1:${port}, its gateway at http://127.0.0.1:${port}/v1`);
});
