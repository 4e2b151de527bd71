import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { compose, gateway, toNode } from "@gatewright/core";
import { validateOutput } from "@gatewright/post-process";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, isStepCount, Output, tool } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { listen } from "./listen.ts";

// The schemas that real clients send are understood, and what their users get has been checked.

const provider = await startSimulator();
const asked: unknown[] = [];
const pipeline = compose(
  [
    async (request, next) => {
      asked.push(request.response_format ?? request.tools);
      return next(request);
    },
    validateOutput(),
  ],
  openai({ baseUrl: provider.url }),
);
const server = await listen(createServer(toNode(gateway(pipeline))));
after(async () => {
  await server.close();
  await provider.close();
});

const baseURL = `${server.url}/v1`;
const sdk = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "user" as const, content: "Who is it?" }];
const person = z.object({
  name: z.string().min(1),
  age: z.number().int().nonnegative().nullable(),
  kind: z.enum(["friend", "foe"]),
  tags: z.array(z.string()),
  home: z.object({ street: z.string(), number: z.union([z.string(), z.number()]) }),
});
const model = (name: string) =>
  createOpenAICompatible({ name: "gateway", baseURL, supportsStructuredOutputs: true })(name);

describe("Structured output", { timeout: 60_000 }, () => {
  test("of the openai SDK, whole and streamed", async () => {
    const response_format = zodResponseFormat(person, "person");
    const whole = await sdk.chat.completions.parse({ model: "sim", messages, response_format });
    assert.ok(person.parse(whole.choices[0]?.message.parsed));
    const stream = sdk.chat.completions.stream({ model: "sim", messages, response_format });
    assert.ok(person.parse((await stream.finalChatCompletion()).choices[0]?.message.parsed));
  });

  test("of the AI SDK", async () => {
    const output = Output.object({ schema: person });
    assert.ok(person.parse((await generateText({ model: model("sim"), prompt: "Who?", output })).output));
    const found = tool({ inputSchema: person, execute: async ({ name }) => name });
    const { steps } = await generateText({
      model: model("sim"),
      prompt: "Who?",
      tools: { found },
      toolChoice: "required",
      stopWhen: isStepCount(1),
    });
    assert.ok(person.parse(steps[0]?.toolCalls[0]?.input));
  });

  test("of LangChain, by schema and by tool", async () => {
    for (const method of ["jsonSchema", "functionCalling"] as const) {
      const chat = new ChatOpenAI({ model: "sim", apiKey: "unused", maxRetries: 0, configuration: { baseURL } });
      assert.ok(person.parse(await chat.withStructuredOutput(person, { method, name: "person" }).invoke("Who?")));
    }
  });

  test("that is broken is an error at each of them", async () => {
    const response_format = zodResponseFormat(person, "person");
    await assert.rejects(sdk.chat.completions.parse({ model: "sim+fenced-json", messages, response_format }), {
      status: 500,
      code: "llm.output.invalid_json",
    });
    await assert.rejects(
      sdk.chat.completions.stream({ model: "sim+broken-json", messages, response_format }).finalChatCompletion(),
    );
    const output = Output.object({ schema: person });
    await assert.rejects(generateText({ model: model("sim+broken-json"), prompt: "Who?", output, maxRetries: 0 }));
  });

  test("was asked for in schemas, each time", () => {
    assert.ok(asked.length >= 8);
    for (const schema of asked) assert.match(JSON.stringify(schema), /"properties"/);
  });
});
