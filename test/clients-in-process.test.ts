import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  auth,
  type ChatChunk,
  type Code,
  codes,
  compose,
  GatewayError,
  type GatewayOptions,
  gateway,
  type Handler,
  type Middleware,
  mapText,
  toFetch,
} from "@gatewright/core";
import { chunksOf, fakeClock, type Outcome, type Scripted, scripted } from "@gatewright/core/testing";
import { openai } from "@gatewright/providers";
import { type Simulator, startSimulator } from "@gatewright/simulator";
import { APICallError, generateText, isStepCount, jsonSchema, type LanguageModel, streamText, tool } from "ai";
import OpenAI from "openai";
import { listen } from "./listen.ts";

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Say hello." }];
const asked = { model: "gpt-5", messages };

/** The SDK with a gateway of its own behind it, and no port at all. */
function sdk(handler: Handler, options: GatewayOptions = {}): OpenAI {
  return new OpenAI({ apiKey: "a-key-for-the-clients-test", maxRetries: 0, fetch: toFetch(gateway(handler, options)) });
}

function play(...outcomes: readonly Outcome[]): { readonly handler: Scripted; readonly client: OpenAI } {
  const handler = scripted(...outcomes);
  return { handler, client: sdk(handler) };
}

async function read(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

/** A stream of which the next chunk never comes, not even when the caller is gone. */
const deaf: Handler = async () => ({
  headers: {},
  chunks: (async function* () {
    yield* chunksOf("Hel", "lo").slice(0, 2);
    await new Promise(() => {});
  })(),
});

describe("The OpenAI SDK with a gateway of its own", { timeout: 10_000 }, () => {
  test("gets from a handler's text a completion and a stream", async () => {
    const { handler, client } = play("Hello.", "Hello.", "Hello.");
    const { choices, model } = await client.chat.completions.create(asked);
    assert.equal(choices[0]?.message.content, "Hello.");
    assert.equal(model, "gpt-5");
    assert.equal(await read(await client.chat.completions.create({ ...asked, stream: true })), "Hello.");
    assert.equal(await client.chat.completions.stream(asked).finalContent(), "Hello.");
    assert.equal(handler.requests.length, 3);
  });

  test("gets from a handler's chunks a stream and a completion", async () => {
    const { handler, client } = play(chunksOf("Hel", "lo."), chunksOf("Hel", "lo."));
    assert.equal(await read(await client.chat.completions.create({ ...asked, stream: true })), "Hello.");
    const { choices } = await client.chat.completions.create(asked);
    assert.equal(choices[0]?.message.content, "Hello.");
    assert.equal(choices[0]?.finish_reason, "stop");
    assert.equal(handler.open, 0);
  });

  test("sees what the middleware made of the answer, and the middleware what was asked", async () => {
    const shout: Middleware = async (request, next) => {
      const reply = await next({ ...request, model: "the-loud-one" });
      return mapText({ ...reply, headers: { "x-volume": "11" } }, (text) => text.toUpperCase());
    };
    const handler = scripted("Hello.", chunksOf("Hel", "lo."));
    const { completions } = sdk(compose([shout], handler)).chat;
    const { data, response } = await completions.create(asked).withResponse();
    assert.equal(data.choices[0]?.message.content, "HELLO.");
    assert.equal(response.headers.get("x-volume"), "11");
    assert.equal(await completions.stream(asked).finalContent(), "HELLO.");
    assert.deepEqual(
      handler.requests.map(({ model }) => model),
      ["the-loud-one", "the-loud-one"],
    );
  });

  test("reads through its strict helper a stream without roles, indexes and types", async () => {
    const piece = (delta: ChatChunk["choices"][number]["delta"], finish_reason?: string): ChatChunk => ({
      id: "chatcmpl-1",
      created: 1,
      model: "sloppy",
      choices: [{ index: 0, delta, ...(finish_reason && { finish_reason }) }],
    });
    const script = [
      piece({ tool_calls: [{ id: "call_1", function: { name: "weather", arguments: "" } }] }),
      piece({ tool_calls: [{ function: { arguments: '{"city":' } }] }),
      piece({ tool_calls: [{ function: { arguments: '"Oslo"}' } }] }),
      piece({ tool_calls: [{ id: "call_2", function: { name: "clock", arguments: "{}" } }] }),
      piece({}, "tool_calls"),
    ];
    const { client } = play(script, script);
    const { message } = (await client.chat.completions.stream(asked).finalChatCompletion()).choices[0] ?? {};
    const calls = [
      { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } },
      { id: "call_2", type: "function", function: { name: "clock", arguments: "{}" } },
    ];
    assert.equal(message?.role, "assistant");
    assert.partialDeepStrictEqual(message?.tool_calls, calls);
    const { choices } = await client.chat.completions.create(asked);
    assert.deepEqual(choices[0]?.message.tool_calls, calls);
  });

  test("finds a gateway that is mounted elsewhere", async () => {
    const fetch = toFetch(gateway(scripted("Hello.")), { prefix: "/llm/openai/v2" });
    const client = new OpenAI({ apiKey: "unused", baseURL: "http://anywhere.test/llm/openai/v2", fetch });
    assert.equal((await client.chat.completions.create(asked)).choices[0]?.message.content, "Hello.");
  });

  for (const [code, { status, retryable }] of Object.entries(codes)) {
    test(`raises its own class for ${code}, and tries again only where that is safe`, async () => {
      // The keys of the table are the codes.
      const failure = new GatewayError(code as Code, "It failed.", { retryAfterMs: 1 });
      const handler = scripted(failure, failure);
      const error: unknown = await sdk(handler)
        .chat.completions.create(asked, { maxRetries: 1 })
        .catch((thrown: unknown) => thrown);
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.constructor, kindOf(status));
      assert.equal(error.status, status);
      assert.equal(error.code, code);
      assert.equal(error.message, `${status} It failed.`);
      assert.equal(handler.requests.length, retryable ? 2 : 1);
    });
  }

  test("raises PermissionDeniedError where a middleware refuses the model", async () => {
    const refuse: Middleware = async () => {
      throw new GatewayError("llm.access.model_unavailable", "This key may not use gpt-5.", {
        issues: [{ path: "model", message: "not for this key" }],
      });
    };
    const handler = scripted();
    const client = sdk(compose([refuse], handler));
    const facts = {
      constructor: OpenAI.PermissionDeniedError,
      status: 403,
      code: "llm.access.model_unavailable",
      type: "permission_error",
      param: "model",
    };
    await assert.rejects(client.chat.completions.create(asked), facts);
    await assert.rejects(client.chat.completions.create({ ...asked, stream: true }), facts);
    assert.equal(handler.requests.length, 0);
  });

  test("sends its key, which a gateway with keys asks for", async () => {
    const handler = scripted("Hello.");
    const client = sdk(compose([auth({ keys: [{ name: "tests", key: "a-key-for-the-clients-test" }] })], handler));
    const stranger = client.withOptions({ apiKey: "the-key-of-somebody-else" });
    await assert.rejects(stranger.chat.completions.create(asked), OpenAI.AuthenticationError);
    assert.equal((await client.chat.completions.create(asked)).choices[0]?.message.content, "Hello.");
    assert.equal(handler.requests.length, 1);
  });

  test("learns nothing of a defect but that there was one", async () => {
    const { client } = play(new TypeError("secret is undefined"));
    const error: unknown = await client.chat.completions.create(asked).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.code, "llm.internal");
    assert.doesNotMatch(JSON.stringify(error) + error.message, /secret/);
  });

  const interrupted = new GatewayError("llm.provider.overloaded", "Too much to do.");
  const cuts: Readonly<Record<string, readonly (ChatChunk | Error)[]>> = {
    "without a finish reason": chunksOf("Hel", "lo.").slice(0, -1),
    "with one choice of two unfinished": [
      ...chunksOf("Hel", "lo."),
      { choices: [{ index: 1, delta: { role: "assistant" }, finish_reason: null }] },
    ],
    "by an error": [...chunksOf("Hel", "lo.").slice(0, -1), interrupted],
    "by a defect": [...chunksOf("Hel", "lo.").slice(0, -1), new TypeError("secret is undefined")],
  };
  for (const [how, script] of Object.entries(cuts)) {
    test(`never takes a stream for a success that ends ${how}`, async () => {
      const { handler, client } = play(script, script, script, script);
      const { completions } = client.chat;
      const texts: string[] = [];
      const iterate = async (): Promise<void> => {
        for await (const { choices } of await completions.create({ ...asked, stream: true })) {
          texts.push(choices[0]?.delta.content ?? "");
        }
      };
      await assert.rejects(iterate(), { constructor: OpenAI.APIError });
      assert.equal(texts.join(""), "Hello.");
      await assert.rejects(completions.stream(asked).finalChatCompletion(), { constructor: OpenAI.APIError });
      await assert.rejects(completions.create(asked), { constructor: OpenAI.InternalServerError });
      const sent = await (await completions.create({ ...asked, stream: true }).asResponse()).text();
      assert.match(sent, /\ndata: \{"error":[^\n]*\}\n\n$/);
      assert.doesNotMatch(sent, /\[DONE\]|secret/);
      assert.equal(handler.open, 0);
    });
  }

  test("hears in the stream of a failure that came after the first comments", async () => {
    const clock = fakeClock();
    const called = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<never>();
    const handler: Handler = () => {
      called.resolve();
      return answer.promise;
    };
    const client = sdk(handler, { clock, keepAliveMs: 1000 });
    const asking = client.chat.completions.create({ ...asked, stream: true }).asResponse();
    await called.promise;
    await clock.advance(1000);
    const { status, body } = await asking;
    assert.equal(status, 200);
    assert.ok(body);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, ": keep-alive\n\n");
    answer.reject(new GatewayError("llm.provider.overloaded", "Too much to do."));
    assert.match((await reader.read()).value ?? "", /^data: \{"error":\{"message":"Too much to do\."/);
    assert.equal((await reader.read()).done, true);
    assert.equal(clock.waiting, 0);
  });

  test("is told that a provider is gone, and by whom", async () => {
    const closed = await startSimulator();
    await closed.close();
    const provider = openai({ name: "nobody", baseUrl: closed.url });
    const client = sdk(provider, { models: provider.models });
    const facts = { constructor: OpenAI.InternalServerError, status: 502, code: "llm.provider.unreachable" };
    const message = "502 nobody refused the connection.";
    await assert.rejects(client.chat.completions.create(asked), { ...facts, message });
    await assert.rejects(client.chat.completions.create({ ...asked, stream: true }), { ...facts, message });
    await assert.rejects(Promise.resolve(client.models.list()), { ...facts, message });
  });

  for (const name of ["通义-7b", "a\nb", "café"]) {
    test(`gets the answer of a provider that calls its model ${JSON.stringify(name)}`, async () => {
      const choice = { index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" };
      const server = createServer((_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ id: "chatcmpl-1", created: 1, model: name, choices: [choice] }));
      });
      const { url, close } = await listen(server);
      try {
        const client = sdk(openai({ baseUrl: `${url}/v1` }));
        const completion = await client.chat.completions.create(asked);
        assert.equal(completion.choices[0]?.message.content, "Hello.");
        assert.equal(completion.model, name);
        assert.equal(await client.chat.completions.stream(asked).finalContent(), "Hello.");
      } finally {
        await close();
      }
    });
  }

  test("tells the handler at once that it left before the answer", async () => {
    const signals: AbortSignal[] = [];
    const caller = new AbortController();
    const client = sdk(async ({ call }) => {
      signals.push(call.signal);
      queueMicrotask(() => caller.abort());
      await once(call.signal, "abort");
      throw call.signal.reason;
    });
    for (const stream of [false, true]) {
      const asking = client.chat.completions.create({ ...asked, stream }, { signal: caller.signal });
      await assert.rejects(asking, { constructor: OpenAI.APIUserAbortError });
    }
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true],
    );
  });

  const leavings: Readonly<Record<string, (client: OpenAI) => Promise<void>>> = {
    "breaks out of the stream": async ({ chat }) => {
      for await (const { choices } of await chat.completions.create({ ...asked, stream: true })) {
        if (choices[0]?.delta.content) break;
      }
    },
    "aborts while it reads": async ({ chat }) => {
      const stream = await chat.completions.create({ ...asked, stream: true });
      for await (const { choices } of stream) if (choices[0]?.delta.content) stream.controller.abort();
    },
    "aborts and never reads": async ({ chat }) => {
      (await chat.completions.create({ ...asked, stream: true })).controller.abort();
    },
    "aborts and never reads on": async ({ chat }) => {
      const stream = await chat.completions.create({ ...asked, stream: true });
      await stream[Symbol.asyncIterator]().next();
      stream.controller.abort();
    },
    "aborts the stream helper": async ({ chat }) => {
      const stream = chat.completions.stream(asked).once("content", () => stream.abort());
      await assert.rejects(stream.done(), OpenAI.APIUserAbortError);
    },
  };
  for (const [how, leave] of Object.entries(leavings)) {
    test(`leaves no reply open and no timer behind when it ${how}`, async (t) => {
      const clock = fakeClock();
      const pieces = Array.from({ length: 50 }, (_, at) => `${at} `);
      const handler = scripted(chunksOf(...pieces));
      let signal: AbortSignal | undefined;
      const watch: Middleware = async (request, next) => {
        signal = request.call.signal;
        return next(request);
      };
      await leave(sdk(compose([watch], handler), { clock }));
      assert.equal(signal?.aborted, true);
      await t.waitFor(() => assert.deepEqual({ open: handler.open, timers: clock.waiting }, { open: 0, timers: 0 }), {
        interval: 2,
        timeout: 1000,
      });
    });
  }

  test("gets away from a handler that does not listen to its signal", { timeout: 2000 }, async () => {
    const caller = new AbortController();
    const called = Promise.withResolvers<void>();
    const client = sdk(() => {
      called.resolve();
      return new Promise(() => {});
    });
    // The limit is for a gateway that breaks this promise: the SDK would wait for ten minutes.
    const asking = client.chat.completions.create(asked, { signal: caller.signal, timeout: 1500 });
    const failing = assert.rejects(asking, { constructor: OpenAI.APIUserAbortError });
    await called.promise;
    caller.abort();
    await failing;
  });

  test("gets away from a stream that does not listen to its signal", { timeout: 2000 }, async () => {
    const { completions } = sdk(deaf, { clock: fakeClock() }).chat;
    const stream = await completions.create({ ...asked, stream: true });
    for await (const { choices } of stream) if (choices[0]?.delta.content) stream.controller.abort();
    const helper = completions.stream(asked).once("content", () => helper.abort());
    await assert.rejects(helper.done(), OpenAI.APIUserAbortError);
  });
});

describe("The AI SDK with a gateway of its own", { timeout: 10_000 }, () => {
  let simulator: Simulator;
  let models: ReturnType<typeof createOpenAICompatible>;
  before(async () => {
    simulator = await startSimulator();
    const fetch = toFetch(gateway(openai({ name: "simulator", baseUrl: simulator.url })));
    models = createOpenAICompatible({ name: "gatewright", baseURL: "http://gateway.test/v1", fetch });
  });
  after(() => simulator.close());
  const settings = (model: string): { model: LanguageModel; prompt: string; maxRetries: number } => ({
    model: models(model),
    prompt: "Say hello twice.",
    maxRetries: 0,
  });
  const tools = {
    weather: tool({
      inputSchema: jsonSchema<{ city: string }>({
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      }),
      execute: async ({ city }) => `It rains in the ${city}.`,
    }),
  };

  test("gets a text, with its usage", async () => {
    const { text, finishReason, usage } = await generateText(settings("sim"));
    assert.deepEqual(
      { text, finishReason, total: usage.totalTokens },
      { text: "Say hello twice.", finishReason: "stop", total: 6 },
    );
  });

  test("gets the same text as a stream", async () => {
    const { text } = await generateText(settings("sim+words=6"));
    const result = streamText(settings("sim+words=6"));
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    assert.equal(pieces.join(""), text);
    assert.equal(pieces.length, 6);
    assert.equal(await result.finishReason, "stop");
  });

  for (const form of ["", "+noindex", "+norole"]) {
    test(`calls a tool and goes on with its result, whole and streamed${form && `, also with ${form}`}`, async () => {
      const body = { ...settings(`sim+tool${form}`), tools, stopWhen: isStepCount(2) };
      const whole = await generateText(body);
      assert.equal(whole.text, "It rains in the city.");
      assert.deepEqual(whole.steps[0]?.toolCalls[0]?.input, { city: "city" });
      assert.equal(await streamText(body).text, "It rains in the city.");
    });
  }

  for (const [fault, code] of [
    ["cut=2", "llm.stream.interrupted"],
    ["cut-line=2", "llm.stream.interrupted"],
    ["reset=2", "llm.stream.interrupted"],
    ["malformed=2", "llm.provider.bad_response"],
    ["error-event=2", "llm.provider.server_error"],
  ] as const) {
    test(`reports a stream that ends by ${fault} as an error`, async () => {
      const errors: unknown[] = [];
      const onError = ({ error }: { readonly error: unknown }): void => void errors.push(error);
      const result = streamText({ ...settings(`sim+words=6+${fault}`), onError });
      const parts: string[] = [];
      for await (const { type } of result.fullStream) parts.push(type);
      assert.equal(await result.finishReason, "error");
      assert.equal(parts.filter((type) => type === "error").length, 1);
      assert.equal(parts.slice(parts.indexOf("error")).includes("text-delta"), false);
      assert.equal(parts.filter((type) => type === "text-delta").length, 2);
      assert.deepEqual(
        errors.map((error) => (error instanceof Error && "code" in error ? error.code : error)),
        [code],
      );
    });
  }

  test("reports a failure before the answer with its status, whole and streamed", async () => {
    await assert.rejects(generateText(settings("sim+status=401")), (error) => {
      assert.ok(APICallError.isInstance(error));
      assert.equal(error.statusCode, 502);
      assert.match(error.message, /^simulator did not accept the gateway's key/);
      return true;
    });
    const errors: unknown[] = [];
    const result = streamText({ ...settings("sim+status=429"), onError: ({ error }) => void errors.push(error) });
    await result.consumeStream();
    assert.ok(APICallError.isInstance(errors[0]));
    assert.equal(errors[0].statusCode, 429);
    await assert.rejects(Promise.resolve(result.text));
  });

  test("lets go of the provider when it aborts in mid-stream", async (t) => {
    const caller = new AbortController();
    const result = streamText({ ...settings("sim+words=500+pace=5"), abortSignal: caller.signal });
    for await (const part of result.fullStream) if (part.type === "text-delta") caller.abort();
    const leftAt = performance.now();
    const call = simulator.calls.at(-1);
    await t.waitFor(() => assert.equal(call?.outcome, "aborted"), { interval: 2, timeout: 2000 });
    assert.ok((call?.closedAt ?? Number.NaN) - leftAt < 100);
  });
});

/** The class that the SDK has for a status. */
function kindOf(status: number): unknown {
  if (status >= 500) return OpenAI.InternalServerError;
  return (
    {
      400: OpenAI.BadRequestError,
      401: OpenAI.AuthenticationError,
      403: OpenAI.PermissionDeniedError,
      404: OpenAI.NotFoundError,
      409: OpenAI.ConflictError,
      422: OpenAI.UnprocessableEntityError,
      429: OpenAI.RateLimitError,
    }[status] ?? OpenAI.APIError
  );
}
