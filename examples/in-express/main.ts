// An Express app that exists already: its routes, its body parser, its error handler. The gateway is one line of it.
import { compose, gateway } from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import express, { type NextFunction, type Request, type Response } from "express";

const simulator = await startSimulator();
const pipeline = compose([], openai({ baseUrl: simulator.url }));

const app = express();
app.use("/v1", toExpress(gateway(pipeline))); // in front of express.json(), so that its limits and errors hold
app.use(express.json());

app.get("/", (_request, response) => {
  response.send("The shop is open.");
});
app.post("/orders", (request, response) => {
  if (!request.body?.item) throw new Error("an order needs an item");
  response.status(201).json({ ordered: request.body.item });
});
app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
  response.status(400).json({ shop: error.message });
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : address;
  console.log(`The shop is at http://127.0.0.1:${port}, its gateway at http://127.0.0.1:${port}/v1`);
});
