// No server at all: the SDK that a program uses already gets a gateway of its own, in process, through its `fetch`.
import { compose, gateway, type Middleware, toFetch } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import OpenAI from "openai";

const simulator = await startSimulator();

/** Whatever model the program asks for, the budget one answers. */
const onABudget: Middleware = async (request, next) => next({ ...request, model: "sim" });

const pipeline = compose([onABudget], openai({ baseUrl: simulator.url }));
const client = new OpenAI({ apiKey: "unused", fetch: toFetch(gateway(pipeline)) });

const answer = await client.chat.completions.create({
  model: "gpt-5",
  messages: [{ role: "user", content: "Say hello." }],
});
console.log(`${answer.model}: ${answer.choices[0]?.message.content}`);

await simulator.close();
