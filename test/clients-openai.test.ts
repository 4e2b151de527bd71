import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import { type EnvelopeName, gateway, toFetch } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { type SimulatedCall, type Simulator, startSimulator } from "@gatewright/simulator";
import OpenAI from "openai";
import { type ExampleProcess, startExample } from "./gateway-process.ts";

const KEY = "a-key-for-the-clients-test";
const GONE_WITHIN_MS = 100;

const simulator: Simulator = await startSimulator();
// One gateway with the simulator that it brings along, and one whose provider can be watched from here.
const [alone, watched]: readonly ExampleProcess[] = await Promise.all([
  startExample("gateway"),
  startExample("gateway", { OPENAI_BASE_URL: simulator.url, GATEWAY_KEYS: `tests=${KEY}` }),
]);
assert.ok(alone && watched);
after(async () => {
  const ended = await Promise.all([alone.close(), watched.close()]);
  await simulator.close();
  assert.deepEqual(
    ended.map(({ code, stderr }) => ({ code, stderr })),
    Array(2).fill({ code: 0, stderr: "" }),
  );
});

const provider = openai({ name: "simulator", baseUrl: simulator.url });
const local = new OpenAI({
  apiKey: "unused",
  maxRetries: 0,
  fetch: toFetch(gateway(provider, { models: provider.models })),
});

/** The ways to a gateway. The provider behind `observed` is `simulator`. */
const ways: Readonly<Record<string, { readonly client: OpenAI; readonly observed: OpenAI; readonly model: string }>> = {
  "over HTTP": { client: sdk(alone.url), observed: sdk(watched.url, KEY), model: "sim-http" },
  "in process": { client: local, observed: local, model: "sim-local" },
};

function sdk(baseURL: string, apiKey = "unused"): OpenAI {
  return new OpenAI({ baseURL, apiKey, maxRetries: 0 });
}

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Say hello twice." }];
const place = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const moment = { type: "object", properties: { zone: { type: "string" } }, required: ["zone"] };
const tools: OpenAI.ChatCompletionFunctionTool[] = [
  { type: "function", function: { name: "weather", parameters: place } },
  { type: "function", function: { name: "clock", parameters: moment } },
];
const calledTools = ['weather {"city":"city"}', 'clock {"zone":"zone"}'];

type ErrorClass = new (...args: never[]) => InstanceType<typeof OpenAI.APIError>;

/** What a provider does, and what the SDK makes of it. */
// biome-ignore format: a table reads best with a row a line
const failures: readonly (readonly [asked: string, kind: ErrorClass, status: number, code: string, type: string, param?: string])[] = [
  ["status=400", OpenAI.BadRequestError, 400, "llm.provider.rejected", "invalid_request_error"],
  ["status=400+code=context_length_exceeded", OpenAI.BadRequestError, 400, "llm.request.context_length", "invalid_request_error", "messages"],
  ["status=401", OpenAI.InternalServerError, 502, "llm.provider.auth", "server_error"],
  ["status=403", OpenAI.InternalServerError, 502, "llm.provider.auth", "server_error"],
  ["status=404", OpenAI.NotFoundError, 404, "llm.model.not_found", "invalid_request_error"],
  ["status=409", OpenAI.ConflictError, 409, "llm.provider.rejected", "invalid_request_error"],
  ["status=422", OpenAI.UnprocessableEntityError, 422, "llm.provider.rejected", "invalid_request_error"],
  ["status=429", OpenAI.RateLimitError, 429, "llm.provider.rate_limited", "rate_limit_error"],
  ["status=429+code=insufficient_quota", OpenAI.RateLimitError, 429, "llm.provider.quota_exhausted", "rate_limit_error"],
  ["status=500", OpenAI.InternalServerError, 502, "llm.provider.server_error", "server_error"],
  ["status=503", OpenAI.InternalServerError, 503, "llm.provider.overloaded", "server_error"],
  ["status=529", OpenAI.InternalServerError, 503, "llm.provider.overloaded", "server_error"],
  ["error-in-200+error-status=429", OpenAI.RateLimitError, 429, "llm.provider.rate_limited", "rate_limit_error"],
  ["html", OpenAI.InternalServerError, 502, "llm.provider.server_error", "server_error"],
  ["redirect", OpenAI.InternalServerError, 502, "llm.provider.bad_response", "server_error"],
  ["reset", OpenAI.InternalServerError, 502, "llm.provider.unreachable", "server_error"],
];

/** How a stream of six words breaks off, and how many of them the caller sees; where none, the failure has a status. */
// biome-ignore format: a table reads best with a row a line
const cuts: readonly (readonly [fault: string, words: number, code: string])[] = [
  ["cut=0", 0, "llm.stream.interrupted"],
  ["cut=1", 1, "llm.stream.interrupted"],
  ["cut=3", 3, "llm.stream.interrupted"],
  ["cut=6", 6, "llm.stream.interrupted"],
  ["cut-line=0", 0, "llm.stream.interrupted"],
  ["cut-line=3", 3, "llm.stream.interrupted"],
  ["reset=0", 0, "llm.stream.interrupted"],
  ["reset=1", 1, "llm.stream.interrupted"],
  ["reset=3", 3, "llm.stream.interrupted"],
  ["close=3", 3, "llm.stream.interrupted"],
  ["malformed=0", 0, "llm.provider.bad_response"],
  ["malformed=3", 3, "llm.provider.bad_response"],
  ["error-event=0", 0, "llm.provider.server_error"],
  ["error-event=3", 3, "llm.provider.server_error"],
  ["error-event=3+error-status=503", 3, "llm.provider.overloaded"],
];

/** The ways in which a caller leaves a call that its provider is still busy with; each gives the moment when it left. */
const leavings: Readonly<Record<string, Leaving>> = {
  "aborts before a whole answer": { asked: "stall", leave: abort(false) },
  "aborts in the middle of a whole answer": { asked: "stall=1", leave: abort(false) },
  "aborts before a stream": { asked: "stall", leave: abort(true) },
  "aborts a stream helper before the answer": {
    asked: "stall=headers",
    async leave({ chat }, model, begun) {
      const stream = chat.completions.stream({ model, messages });
      return leaving(begun(), () => stream.abort(), stream.finalContent());
    },
  },
  "aborts a stream helper in mid-stream": {
    asked: "pace=5",
    async leave({ chat }, model) {
      const stream = chat.completions.stream({ model, messages });
      return leaving(stream.emitted("content"), () => stream.abort(), stream.finalChatCompletion());
    },
  },
  "has waited for as long as it wanted to": {
    asked: "stall=first",
    async leave({ chat }, model) {
      await raised(
        chat.completions.create({ model, messages, stream: true }, { timeout: 150 }),
        OpenAI.APIConnectionTimeoutError,
      );
      return performance.now();
    },
  },
  "aborts a stream that is silent": {
    asked: "stall=2",
    async leave({ chat }, model) {
      const stream = await chat.completions.create({ model, messages, stream: true });
      const chunks = stream[Symbol.asyncIterator]();
      while ((await chunks.next()).value?.choices[0]?.delta.content === "") {}
      const pending = read(Promise.resolve({ [Symbol.asyncIterator]: () => chunks }));
      stream.controller.abort();
      const leftAt = performance.now();
      await pending;
      return leftAt;
    },
  },
  "aborts a stream that is flowing": {
    asked: "pace=5",
    async leave({ chat }, model) {
      let leftAt = 0;
      let after = 0;
      const stream = await chat.completions.create({ model, messages, stream: true });
      for await (const { choices } of stream) {
        if (leftAt > 0) after++;
        if (!choices[0]?.delta.content || leftAt > 0) continue;
        stream.controller.abort();
        leftAt = performance.now();
      }
      assert.ok(after <= 2, `${after} chunks came after the abort`);
      return leftAt;
    },
  },
  "breaks out of a stream": {
    asked: "pace=5",
    async leave({ chat }, model) {
      let leftAt = 0;
      for await (const { choices } of await chat.completions.create({ model, messages, stream: true })) {
        leftAt = performance.now();
        if (choices[0]?.delta.content) break;
      }
      return leftAt;
    },
  },
};

interface Leaving {
  /** What the provider is to do meanwhile. */
  readonly asked: string;
  readonly leave: (client: OpenAI, model: string, begun: () => Promise<unknown>) => Promise<number>;
}

function abort(stream: boolean): Leaving["leave"] {
  return async ({ chat }, model, begun) => {
    const caller = new AbortController();
    const asking = chat.completions.create({ model, messages, stream }, { signal: caller.signal });
    return leaving(begun(), () => caller.abort(), asking);
  };
}

/** Leaves once the call has begun; the SDK must say that it was the caller who left. */
async function leaving(begun: Promise<unknown>, leave: () => void, asking: PromiseLike<unknown>): Promise<number> {
  const failing = raised(asking, OpenAI.APIUserAbortError);
  await begun;
  const leftAt = performance.now();
  leave();
  await failing;
  return leftAt;
}

interface Shown {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly path?: string;
}

const request_id = "shape-1";

/** What each error style makes of an error. */
const shapes: Readonly<Record<EnvelopeName, (error: Shown) => object>> = {
  openai: ({ status, code, message, path = null }) => ({
    error: {
      message,
      type: status < 500 ? "invalid_request_error" : "server_error",
      param: path,
      code,
      ...(status < 500
        ? { origin: "gateway", layer: "request", phase: "before" }
        : { origin: "upstream", layer: "upstream", phase: "during" }),
    },
    request_id,
  }),
  nested: ({ status, message }) => ({ error: { code: status, message }, request_id }),
  flat: ({ code, message, path }) => ({
    code,
    message,
    request_id,
    metadata: { errors: path ? [{ path, message: message.replace(`${path}: `, "") }] : [] },
  }),
  detail: ({ message }) => ({ detail: message, request_id }),
  problem: ({ status, code, message, path }) => ({
    type: "about:blank",
    title: status < 500 ? "Bad Request" : "Bad Gateway",
    status,
    detail: message,
    code,
    request_id,
    ...(path && { errors: [{ path, message: message.replace(`${path}: `, "") }] }),
  }),
};

/** What a stream said until it ended, and the error where it ended with one. */
async function read(
  opening: PromiseLike<AsyncIterable<OpenAI.ChatCompletionChunk>>,
): Promise<{ chunks: OpenAI.ChatCompletionChunk[]; text: string; error: unknown }> {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  let error: unknown;
  try {
    for await (const chunk of await opening) chunks.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { chunks, text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), error };
}

/** The error that a call fails with, which must be exactly of this class. */
async function raised<E extends Error>(call: PromiseLike<unknown>, kind: new (...args: never[]) => E): Promise<E> {
  const thrown: unknown = await call.then(
    () => assert.fail("the call did not fail"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof kind)) throw thrown;
  assert.equal(thrown.constructor, kind);
  return thrown;
}

/** The calls that the watched provider got for exactly this model. */
function callsOf(model: string): SimulatedCall[] {
  return simulator.calls.filter((call) => call.model === model);
}

/** Waits for what a simulator shows, which has no events to wait for. */
async function until<T>(t: TestContext, holds: () => T): Promise<T> {
  return t.waitFor(holds, { interval: 2, timeout: 5000 });
}

function toolsCalled(calls: readonly OpenAI.ChatCompletionMessageToolCall[] = []): string[] {
  return calls.map((call) =>
    call.type === "function" ? `${call.function.name} ${call.function.arguments}` : call.type,
  );
}

/** A field that OpenAI itself does not have, so the SDK's types neither. */
function reasoningOf(message: object | undefined): unknown {
  return message && "reasoning_content" in message ? message.reasoning_content : undefined;
}

for (const [way, { client, observed, model }] of Object.entries(ways)) {
  const { completions } = client.chat;

  describe(`The OpenAI SDK ${way}`, { timeout: 30_000 }, () => {
    test("gets a completion, with the request id where the SDK looks for it", async () => {
      const asking = completions.create({ model: "sim", messages });
      const { data, response, request_id } = await asking.withResponse();
      assert.equal(data.choices[0]?.message.content, "Say hello twice.");
      assert.equal(data.choices[0]?.finish_reason, "stop");
      assert.equal(data.object, "chat.completion");
      assert.equal(data.usage?.total_tokens, 6);
      assert.ok(request_id);
      assert.equal(response.headers.get("x-request-id"), request_id);
      assert.equal((await asking)._request_id, request_id);
      assert.partialDeepStrictEqual(data, { request_id });
    });

    test("learns from the headers who answered, and nothing else of the provider's own", async () => {
      const { response } = await completions.create({ model: "sim+words=2", messages }).withResponse();
      const { headers } = response;
      assert.equal(headers.get("x-gateway-attempts"), "1");
      assert.equal(headers.get("x-gateway-model"), "sim");
      assert.equal(headers.get("x-gateway-provider"), "simulator");
      for (const name of ["set-cookie", "cf-ray", "openai-organization"]) assert.equal(headers.get(name), null, name);
      const streamed = await completions.create({ model: "sim", messages, stream: true }).withResponse();
      assert.equal(streamed.response.headers.get("x-gateway-model"), "sim");
      assert.equal(streamed.response.headers.get("x-gateway-attempts"), "1");
      assert.ok(streamed.request_id);
      assert.equal((await read(Promise.resolve(streamed.data))).text, "Say hello twice.");
    });

    test("keeps the request id that the caller chose", async () => {
      const headers = { "x-request-id": "order-66.a_B" };
      const completion = await completions.create({ model: "sim", messages }, { headers });
      assert.equal(completion._request_id, "order-66.a_B");
    });

    test("sends the provider all that it was given, and asks for the usage of a stream by itself", async () => {
      const name = `${model}+words=2`;
      const parts = [{ type: "text" as const, text: "Say hello twice." }]; // What the SDK's type asks for.
      const body = { model: name, messages: [{ role: "user" as const, content: parts }], seed: 7, top_p: 0.5 };
      const more = { metadata: { shop: "tea" }, store: null, vendor_field: { deep: [1, null, "x"] } };
      await observed.chat.completions.create({ ...body, ...more });
      await read(observed.chat.completions.create({ ...body, ...more, stream: true }));
      const [whole, streamed] = callsOf(name).map((call) => call.body);
      assert.deepEqual(whole, { ...body, ...more });
      assert.deepEqual(streamed, { ...body, ...more, stream: true, stream_options: { include_usage: true } });
    });

    test("reads a stream, piece by piece, to a finish reason", async () => {
      const { chunks, text, error } = await read(completions.create({ model: "sim+words=6", messages, stream: true }));
      assert.equal(error, undefined);
      assert.equal(text.split(" ").length, 6);
      assert.ok(chunks.length > 6);
      assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, "stop");
      assert.equal(chunks.filter(({ choices }) => choices[0]?.finish_reason).length, 1);
      assert.deepEqual([...new Set(chunks.map(({ id, object }) => `${id} ${object}`))].length, 1);
    });

    test("gets through the stream helper what the whole answer says", async () => {
      const whole = await completions.create({ model: "sim+words=6", messages });
      const stream = completions.stream({ model: "sim+words=6", messages });
      const seen: string[] = [];
      stream.on("content", (piece) => seen.push(piece));
      const final = await stream.finalChatCompletion();
      assert.equal(final.choices[0]?.message.content, whole.choices[0]?.message.content);
      assert.equal(final.choices[0]?.finish_reason, "stop");
      assert.equal(await stream.finalContent(), seen.join(""));
      assert.equal(seen.length, 6);
    });

    test("gets the usage in a chunk of its own where it asks, and none where it does not", async () => {
      const asked = await read(
        completions.create({ model: "sim", messages, stream: true, stream_options: { include_usage: true } }),
      );
      const last = asked.chunks.at(-1);
      assert.deepEqual(last?.choices, []);
      assert.equal(last?.usage?.total_tokens, 6);
      assert.equal(asked.chunks.filter(({ usage }) => usage).length, 1);
      const unasked = await read(completions.create({ model: "sim", messages, stream: true }));
      assert.deepEqual(
        unasked.chunks.filter(({ usage, choices }) => usage || choices.length === 0),
        [],
      );
      const helper = completions.stream({ model: "sim", messages, stream_options: { include_usage: true } });
      assert.equal((await helper.totalUsage()).total_tokens, 6);
    });

    test("gets tool calls, one or two at once, whole", async () => {
      for (const count of [1, 2]) {
        const { choices } = await completions.create({ model: `sim+tool=${count}`, messages, tools });
        assert.equal(choices[0]?.finish_reason, "tool_calls");
        assert.deepEqual(toolsCalled(choices[0]?.message.tool_calls), calledTools.slice(0, count));
      }
    });

    for (const form of ["", "+noindex", "+norole", "+noindex+norole"]) {
      test(`gets the same tool calls as a stream${form && `, also where the provider leaves out ${form}`}`, async () => {
        for (const count of [1, 2]) {
          const body = { model: `sim+tool=${count}${form}`, messages, tools };
          const { chunks, error } = await read(completions.create({ ...body, stream: true }));
          assert.equal(error, undefined);
          const pieces = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
          assert.deepEqual([...new Set(pieces.map(({ index }) => index))], [0, 1].slice(0, count));
          assert.equal(chunks[0]?.choices[0]?.delta.role, "assistant");

          const stream = completions.stream(body);
          const done: string[] = [];
          stream.on("tool_calls.function.arguments.done", (call) => done.push(`${call.name} ${call.arguments}`));
          const [choice] = (await stream.finalChatCompletion()).choices;
          assert.equal(choice?.finish_reason, "tool_calls");
          assert.deepEqual(toolsCalled(choice?.message.tool_calls), calledTools.slice(0, count));
          assert.deepEqual(done, calledTools.slice(0, count));
          assert.equal(new Set(choice?.message.tool_calls?.map(({ id }) => id)).size, count);
        }
      });
    }

    test("runs a tool and goes on with its result, whole and streamed", async () => {
      const weather = {
        type: "function" as const, // What the SDK's type asks for.
        function: {
          name: "weather",
          description: "",
          parameters: place,
          parse: JSON.parse,
          function: () => "It rains.",
        },
      };
      const whole = completions.runTools({ model: "sim+tool", messages, tools: [weather] });
      assert.equal(await whole.finalContent(), "It rains.");
      const streamed = completions.runTools({ model: "sim+tool", messages, tools: [weather], stream: true });
      assert.equal(await streamed.finalContent(), "It rains.");
    });

    test("gets every choice of several, whole and streamed", async () => {
      const body = { model: "sim", messages, n: 2 };
      const expected = ["Say hello twice.", "Say hello twice. (2)"];
      const texts = ({ choices }: OpenAI.ChatCompletion): unknown => choices.map(({ message }) => message.content);
      assert.deepEqual(texts(await completions.create(body)), expected);
      assert.deepEqual(texts(await completions.stream(body).finalChatCompletion()), expected);
      const { chunks } = await read(completions.create({ ...body, stream: true }));
      const finished = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.finish_reason));
      assert.deepEqual(
        finished.map(({ index }) => index),
        [0, 1],
      );
    });

    test("gets JSON of the schema it asked for, whole and streamed", async () => {
      const schema = { ...place, additionalProperties: false };
      const body = {
        model: "sim",
        messages,
        response_format: { type: "json_schema" as const, json_schema: { name: "place", schema, strict: true } },
      };
      const { choices } = await completions.parse(body);
      assert.deepEqual(choices[0]?.message.parsed, { city: "city" });
      const final = await completions.stream(body).finalChatCompletion();
      assert.deepEqual(final.choices[0]?.message.parsed, { city: "city" });
    });

    test("gets a refusal as one, whole and streamed", async () => {
      const body = { model: "sim+refusal", messages };
      const { choices } = await completions.create(body);
      assert.match(choices[0]?.message.refusal ?? "", /can't help/);
      const final = await completions.stream(body).finalChatCompletion();
      assert.equal(final.choices[0]?.message.refusal, choices[0]?.message.refusal);
      assert.ok(!final.choices[0]?.message.content);
    });

    test("gets the reasoning in front of the answer, whole and streamed", async () => {
      const body = { model: "sim+reasoning=3+words=2", messages };
      const { choices } = await completions.create(body);
      const { chunks, text } = await read(completions.create({ ...body, stream: true }));
      const pieces = chunks.map(({ choices }) => reasoningOf(choices[0]?.delta)).filter((piece) => piece !== undefined);
      assert.equal(pieces.length, 3);
      assert.equal(pieces.join(""), reasoningOf(choices[0]?.message));
      assert.equal(text, choices[0]?.message.content);
    });

    test("lists the models and looks one up", async () => {
      const { data } = await client.models.list();
      assert.deepEqual(
        data.map(({ id, object }) => `${object} ${id}`),
        ["model sim", "model sim-mini", "model sim-large"],
      );
      assert.equal((await client.models.retrieve("sim-mini")).id, "sim-mini");
      const error = await raised(client.models.retrieve("nobody/knows it"), OpenAI.NotFoundError);
      assert.equal(error.code, "llm.model.not_found");
    });

    for (const [asked, kind, status, code, type, param = null] of failures) {
      test(`raises ${kind.name} for ${asked}, whole and streamed alike`, async () => {
        for (const stream of [false, true]) {
          const error = await raised(completions.create({ model: `sim+${asked}`, messages, stream }), kind);
          const told = { status: error.status, code: error.code, type: error.type, param: error.param };
          assert.deepEqual(told, { status, code, type, param });
          assert.ok(error.requestID);
          assert.equal(error.headers?.get("x-request-id"), error.requestID);
          assert.equal(error.headers?.get("content-type"), "application/json");
        }
      });
    }

    test("raises BadRequestError with the first failing field as its param, and all of them beside it", async () => {
      const error = await raised(
        completions.create({ model: "sim", messages, temperature: 9, top_p: 2 }),
        OpenAI.BadRequestError,
      );
      assert.equal(error.code, "llm.request.invalid");
      assert.equal(error.type, "invalid_request_error");
      assert.equal(error.param, "temperature");
      assert.match(error.message, /temperature.*top_p/);
      assert.partialDeepStrictEqual(error.error, { issues: [{ path: "temperature" }, { path: "top_p" }] });
      assert.ok(error.requestID);
    });

    test("raises RateLimitError with the wait that the provider asked for", async () => {
      const error = await raised(
        completions.create({ model: "sim+status=429+retry-after=2", messages }),
        OpenAI.RateLimitError,
      );
      assert.equal(error.headers?.get("retry-after"), "2");
      assert.equal(error.headers?.get("retry-after-ms"), "2000");
      assert.equal(error.headers?.get("x-should-retry"), null);
    });

    test("tries again by itself where that helps, and not where it cannot", async () => {
      const retrying = observed.withOptions({ maxRetries: 2 }).chat.completions;
      const soon = `${model}+status=503+retry-after-ms=1+times=1`;
      const answer = await retrying.create({ model: soon, messages });
      assert.equal(answer.choices[0]?.message.content, "Say hello twice.");
      assert.equal(callsOf(soon).length, 2);
      for (const fault of ["status=401", "status=429+retry-after=120", "status=429+code=insufficient_quota"]) {
        const never = `${model}+${fault}`;
        await assert.rejects(retrying.create({ model: never, messages }), OpenAI.APIError);
        assert.equal(callsOf(never).length, 1, fault);
      }
    });

    for (const [fault, words, code] of cuts) {
      test(`never takes an answer for a success that ends by ${fault}`, async () => {
        const body = { model: `sim+words=6+${fault}`, messages };
        const whole = await completions.create({ model: "sim+words=6", messages });
        const expected = whole.choices[0]?.message.content?.match(/\S+ ?/g)?.slice(0, words).join("");

        const { text, error } = await read(completions.create({ ...body, stream: true }));
        assert.ok(error instanceof OpenAI.APIError);
        assert.equal(error.code, code);
        assert.equal(error.status, words === 0 ? 502 : undefined);
        assert.ok(error.requestID);
        assert.equal(text, expected);

        let heard = "";
        const stream = completions.stream(body).on("content", (piece) => {
          heard += piece;
        });
        await assert.rejects(stream.finalContent(), { code });
        await assert.rejects(stream.finalChatCompletion(), { code });
        assert.equal(heard, expected);

        if (words === 0) return;
        const sent = await (await completions.create({ ...body, stream: true }).asResponse()).text();
        const events = sent.split("\n\n").filter((event) => event.startsWith("data:"));
        assert.match(events.at(-1) ?? "", /^data: \{"error":/);
        assert.equal(events.filter((event) => event.includes('"error"')).length, 1);
        assert.doesNotMatch(sent, /\[DONE\]/);
      });
    }

    test("never takes tool calls for complete that were cut off", async () => {
      const body = { model: "sim+tool+cut=2", messages, tools };
      const { error } = await read(completions.create({ ...body, stream: true }));
      assert.ok(error instanceof OpenAI.APIError);
      await assert.rejects(completions.stream(body).finalChatCompletion(), { code: "llm.stream.interrupted" });
    });

    test("never takes two choices for whole that were cut off", async () => {
      // The pieces of the two choices alternate: after three of them neither has ended.
      const body = { model: "sim+words=6+cut=3", messages, n: 2 };
      const { error } = await read(completions.create({ ...body, stream: true }));
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.code, "llm.stream.interrupted");
    });

    for (const fault of ["cut=1", "reset=1", "truncate", "empty", "html", "not-a-completion"]) {
      test(`never takes a whole answer for a success that is spoilt by ${fault}`, async () => {
        await raised(completions.create({ model: `sim+words=6+${fault}`, messages }), OpenAI.InternalServerError);
      });
    }

    for (const [how, { asked, leave }] of Object.entries(leavings)) {
      test(`lets go of the provider at once when the caller ${how}`, async (t) => {
        const name = `${model}+${asked}+words=500`;
        const before = callsOf(name).length;
        const call = (): SimulatedCall => callsOf(name)[before] ?? assert.fail("the provider was not called");
        const leftAt = await leave(observed, name, () => until(t, call));
        await until(t, () => assert.notEqual(call().outcome, "open"));
        const tookMs = (call().closedAt ?? Number.NaN) - leftAt;
        t.diagnostic(`${way}, ${how}: closed after ${tookMs.toFixed(1)} ms`);
        assert.equal(call().outcome, "aborted");
        assert.ok(tookMs < GONE_WITHIN_MS, `it took ${tookMs} ms`);
        assert.equal(callsOf(name).length, before + 1);
      });
    }
  });
}

test("a caller with a wrong or no key gets AuthenticationError, whole, streamed and for the models", async () => {
  const before = simulator.calls.length;
  const wrong = sdk(watched.url, "the-key-of-somebody-else");
  const none = wrong.withOptions({ defaultHeaders: { authorization: null } });
  for (const [client, code] of [
    [wrong, "llm.auth.invalid_key"],
    [none, "llm.auth.missing_key"],
  ] as const) {
    const calls = [
      client.chat.completions.create({ model: "sim", messages }),
      client.chat.completions.create({ model: "sim", messages, stream: true }),
      client.models.list(),
      client.models.retrieve("sim"),
    ];
    for (const error of await Promise.all(calls.map((call) => raised(call, OpenAI.AuthenticationError)))) {
      assert.equal(error.code, code);
      assert.equal(error.type, "authentication_error");
      assert.equal(error.headers?.get("www-authenticate"), "Bearer");
      assert.ok(error.requestID);
    }
  }
  assert.equal(simulator.calls.length, before);
});

test("nothing that a caller has left is still open at the provider", async (t) => {
  await until(t, () => assert.equal(simulator.open, 0));
});

test("a gateway that is gone is an APIConnectionError, also in the middle of a stream", async () => {
  const gone = await startExample("gateway");
  const { completions } = sdk(gone.url).chat;
  const stream = await completions.create({ model: "sim+words=3+stall=2", messages, stream: true });
  const reading = read(Promise.resolve(stream));
  gone.signal("SIGKILL");
  await gone.ended;
  assert.ok((await reading).error instanceof Error);
  await raised(completions.create({ model: "sim", messages }), OpenAI.APIConnectionError);
});

test("each error style shows its own shape, as an answer and as the end of a stream", async (t) => {
  await Promise.all(
    Object.entries(shapes).map(([name, shape]) => t.test(name, { timeout: 30_000 }, () => showsShape(name, shape))),
  );
});

async function showsShape(name: string, shape: (error: Shown) => object): Promise<void> {
  const styled = await startExample("gateway", { GATEWAY_ERRORS: name });
  try {
    const headers = { "content-type": "application/json", "x-request-id": request_id };
    const ask = (body: object): Promise<Response> =>
      fetch(`${styled.url}/chat/completions`, { method: "POST", headers, body: JSON.stringify({ messages, ...body }) });

    const refused = await ask({ model: "sim", prompt: "Hello" });
    assert.equal(refused.status, 400);
    assert.equal(refused.headers.get("content-type"), `application/${name === "problem" ? "problem+" : ""}json`);
    const message = "prompt: send messages or prompt, not both";
    const invalid = { status: 400, code: "llm.request.invalid", message, path: "prompt" };
    assert.deepEqual(await refused.json(), shape(invalid));

    const body = await (await ask({ model: "sim+words=3+cut=2", stream: true })).text();
    // The tries have times in them.
    const withoutTries = (name: string, value: unknown): unknown => (name === "attempts" ? undefined : value);
    const last: unknown = JSON.parse(
      body
        .trim()
        .split("\n\n")
        .at(-1)
        ?.replace(/^data: /, "") ?? "",
      withoutTries,
    );
    const cut = "The provider's stream ended before the answer was finished.";
    const interrupted = shape({ status: 502, code: "llm.stream.interrupted", message: cut });
    assert.deepEqual(last, "error" in interrupted ? interrupted : { error: interrupted });

    const { completions } = sdk(styled.url).chat;
    await raised(completions.create({ model: "sim", messages, n: 0 }), OpenAI.BadRequestError);
    const { error } = await read(completions.create({ model: "sim+words=3+cut=2", messages, stream: true }));
    assert.ok(error instanceof OpenAI.APIError);
  } finally {
    assert.equal((await styled.close()).stderr, "");
  }
}
