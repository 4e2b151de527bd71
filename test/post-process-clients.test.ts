import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, describe, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { compose, eventText, gateway, toNode } from "@gatewright/core";
import { jsonRepair, postProcess } from "@gatewright/post-process";
import { openai } from "@gatewright/providers";
import { generateText, jsonSchema, Output, streamText } from "ai";
import OpenAI from "openai";
import { listen } from "./listen.ts";

/** What the provider answers, by the name of the model. */
const ANSWERS: Readonly<Record<string, string>> = {
  clean: '{"city": "Paris", "days": [1, 2]}',
  fenced: "Sure! Here it is:\n\n```json\n{'city': 'Paris', days: [1, 2,],}\n```\nAnything else?",
  open: '{"city": "Paris" "days": [1, 2',
  quotes: '{\n  // where\n  "city": "Paris",\n  days: [1, 2, ...]\n}',
  prose: "I would rather not say.",
  late: '{"city": "Paris", "days": f(2)}',
};
const MEANT = { city: "Paris", days: [1, 2] };
const MESSY = ["clean", "fenced", "open", "quotes"];

/** A provider that answers in pieces of three characters, as a tool's arguments where a tool is offered. */
const provider = await listen(
  createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    const { model, stream, tools } = JSON.parse(body);
    const text = ANSWERS[model] ?? "";
    const base = { id: "c", created: 1, model };
    const finish_reason = tools ? "tool_calls" : "stop";
    if (!stream) {
      const call = { id: "t", type: "function", function: { name: "trip", arguments: text } };
      const message = { role: "assistant", ...(tools ? { content: null, tool_calls: [call] } : { content: text }) };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ ...base, object: "chat.completion", choices: [{ index: 0, message, finish_reason }] }),
      );
      return;
    }
    response.setHeader("content-type", "text/event-stream");
    const send = (delta: object, reason: string | null = null): void => {
      const choices = [{ index: 0, delta, finish_reason: reason }];
      response.write(eventText(JSON.stringify({ ...base, object: "chat.completion.chunk", choices })));
    };
    const named = { index: 0, id: "t", type: "function", function: { name: "trip", arguments: "" } };
    send({ role: "assistant", ...(tools ? { tool_calls: [named] } : { content: "" }) });
    for (const [piece] of text.matchAll(/[\s\S]{1,3}/g)) {
      send(tools ? { tool_calls: [{ index: 0, function: { arguments: piece } }] } : { content: piece });
    }
    send({}, finish_reason);
    response.end(eventText("[DONE]"));
  }),
);
const steps = [jsonRepair()];
const pipeline = compose([postProcess({ steps, configured: ["json-repair"] })], openai({ baseUrl: provider.url }));
const server = await listen(createServer(toNode(gateway(pipeline))));
after(async () => {
  await server.close();
  await provider.close();
});

const baseURL = `${server.url}/v1`;
const sdk = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "user" as const, content: "Where to?" }];
const parameters = {
  type: "object" as const,
  properties: {
    city: { type: "string" as const },
    days: { type: "array" as const, items: { type: "integer" as const } },
  },
  required: ["city", "days"],
  additionalProperties: false,
};
const tools = [{ type: "function" as const, function: { name: "trip", parameters } }];
const own = (model: string) =>
  createOpenAICompatible({ name: "gateway", baseURL, supportsStructuredOutputs: true })(model);
const output = Output.object({ schema: jsonSchema<typeof MEANT>(parameters) });

describe("The openai SDK", { timeout: 30_000 }, () => {
  for (const model of MESSY) {
    test(`reads what ${model} says, whole and by its stream helper`, async () => {
      const whole = await sdk.chat.completions.create({ model, messages });
      assert.deepEqual(JSON.parse(whole.choices[0]?.message.content ?? ""), MEANT);
      const streamed = await sdk.chat.completions.stream({ model, messages }).finalChatCompletion();
      assert.deepEqual(JSON.parse(streamed.choices[0]?.message.content ?? ""), MEANT);
      assert.equal(streamed.choices[0]?.finish_reason, "stop");
    });

    test(`reads the arguments of ${model}, whole and by its stream helper`, async () => {
      const whole = await sdk.chat.completions.create({ model, messages, tools });
      const streamed = await sdk.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
      for (const { choices } of [whole, streamed]) {
        const [call] = choices[0]?.message.tool_calls ?? [];
        assert.ok(call?.type === "function");
        assert.deepEqual(JSON.parse(call.function.arguments), MEANT);
      }
    });
  }

  test("is told where nothing can be repaired, and gets none of it", async () => {
    for (const stream of [false, true]) {
      await assert.rejects(sdk.chat.completions.create({ model: "prose", messages, stream }), (error) => {
        assert.ok(error instanceof OpenAI.InternalServerError);
        assert.equal(error.status, 500);
        assert.equal(error.code, "llm.output.invalid_json");
        assert.doesNotMatch(error.message, /rather/);
        return true;
      });
    }
    await assert.rejects(sdk.chat.completions.stream({ model: "late", messages }).finalChatCompletion());
  });

  test("may ask for it by the field, and is told of a step that there is not", async () => {
    const post_processing_steps = [{ type: "yaml-repair" }];
    // The field is the gateway's own.
    const body = { model: "clean", messages, post_processing_steps } as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await assert.rejects(sdk.chat.completions.create(body), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.match(error.message, /post_processing_steps\[0\]\.type: must be one of json-repair/);
      return true;
    });
  });
});

describe("The AI SDK", { timeout: 30_000 }, () => {
  for (const model of MESSY) {
    test(`makes an object of what ${model} says, whole and streamed`, async () => {
      assert.deepEqual((await generateText({ model: own(model), prompt: "Where to?", output })).output, MEANT);
      const streamed = streamText({ model: own(model), prompt: "Where to?", output });
      let parts = 0;
      for await (const _ of streamed.partialOutputStream) parts++;
      assert.ok(parts >= 2, `${parts} parts`);
      assert.deepEqual(await streamed.output, MEANT);
    });
  }
});
