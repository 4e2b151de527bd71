import assert from "node:assert/strict";
import type { ChatRequest, Handler } from "../chat.ts";
import { GatewayError } from "../error.ts";
import { type Gateway, type GatewayOptions, gateway } from "../gateway.ts";
import { textReply } from "../reply.ts";
import { chunksOf, scripted } from "./scripted.ts";

/** A server with a gateway under `/v1`. */
export interface TestServer {
  /** Sends a request to it: a path with its query, and what `fetch` takes. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** Registers a test: `test` of node:test, Vitest, Jest and others. */
export type RegisterTest = (name: string, run: () => Promise<void>) => unknown;

/**
 * The contract of a server adapter, as tests: give the `test` function of a runner, and a function that puts a gateway
 * under `/v1` on a server.
 * @example testServer(test, async (gateway) => listen(createServer(toNode(gateway))));
 */
export function testServer(test: RegisterTest, start: (gateway: Gateway) => Promise<TestServer>): void {
  const contract = (
    name: string,
    handler: Handler,
    run: (server: TestServer) => Promise<void>,
    options?: GatewayOptions,
  ): void => {
    test(name, async () => {
      const server = await start(gateway(handler, options));
      try {
        await run(server);
      } finally {
        await server.close();
      }
    });
  };

  contract("answers a completion, with the call's id in header and body", scripted("Hello"), async (server) => {
    const answer = await post(server, {});
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
    const body = await fields(answer);
    assert.equal(body.object, "chat.completion");
    assert.equal(body.request_id, answer.headers.get("x-request-id"));
    assert.match(JSON.stringify(body), /"content":"Hello"/);
  });

  contract("keeps a well-formed request id, and replaces another", scripted("a", "b"), async (server) => {
    const kept = await post(server, {}, { "x-request-id": "my-id.1" });
    assert.equal(kept.headers.get("x-request-id"), "my-id.1");
    const replaced = await post(server, {}, { "x-request-id": "no spaces" });
    assert.match(replaced.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  });

  contract("streams events as they come, then [DONE]", trickling(), async (server) => {
    const answer = await post(server, { stream: true });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.ok(answer.body);
    let text = "";
    // The second chunk is made only once the first has been read here: nothing may hold it back.
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.includes('"one"')) trickle.go();
    }
    assert.match(text, /"one"[\s\S]*"two"[\s\S]*data: \[DONE\]\n\n$/);
  });

  contract(
    "answers a failure before the first chunk with its status",
    scripted(new GatewayError("llm.provider.overloaded", "busy", { retryAfterMs: 1500 })),
    async (server) => {
      const answer = await post(server, { stream: true });
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get("retry-after"), "2");
      assert.match(JSON.stringify(await fields(answer)), /"code":"llm\.provider\.overloaded"/);
    },
  );

  contract("ends a stream that is cut with an error, never with [DONE]", scripted(chunksOf("a").slice(0, 2)), cut);
  contract(
    "ends a stream that fails with an error, never with [DONE]",
    scripted([...chunksOf("a").slice(0, 2), new GatewayError("llm.stream.interrupted", "cut")]),
    cut,
  );

  contract("hides the cause of a defect", scripted(new Error("the secret")), async (server) => {
    const answer = await post(server, {});
    assert.equal(answer.status, 500);
    assert.doesNotMatch(await answer.text(), /secret/);
  });

  contract("refuses a body that is not JSON, and does not echo it", scripted(), async (server) => {
    const answer = await send(server, '{"model": "sec');
    assert.equal(answer.status, 400);
    assert.doesNotMatch(await answer.text(), /sec"|<html/i);
  });

  contract("names every failing field at once", scripted(), async (server) => {
    const answer = await post(server, { model: "", messages: "no" });
    assert.equal(answer.status, 400);
    const text = await answer.text();
    assert.match(text, /model/);
    assert.match(text, /messages/);
  });

  contract("refuses a body over the limit", scripted(), tooLarge, { maxBodyBytes: 1000 });

  contract("refuses another method, naming the right one", scripted(), async (server) => {
    const answer = await server.fetch("/v1/chat/completions", { method: "PUT" });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get("allow"), "POST");
  });

  contract(
    "lists its models, and finds one",
    scripted(),
    async (server) => {
      const list = await fields(await server.fetch("/v1/models"));
      assert.deepEqual(
        (list.data as { id: string }[]).map(({ id }) => id),
        ["a/b", "c"],
      );
      assert.equal((await fields(await server.fetch("/v1/models/a%2Fb"))).id, "a/b");
      assert.equal((await server.fetch("/v1/models/nope")).status, 404);
    },
    { models: ["a/b", "c"] },
  );

  contract("ignores the query, and knows paths exactly", scripted("x"), async (server) => {
    const body = JSON.stringify({ model: "m", prompt: "p" });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    assert.equal((await server.fetch("/v1/chat/completions?a=b", init)).status, 200);
    for (const path of ["/v1/nope", "/v1/Chat/Completions", "/v1/chat/completions/", "/v2/chat/completions"]) {
      assert.equal((await server.fetch(path, init)).status, 404, path);
    }
  });

  const left = leaving();
  contract("aborts the call's signal when the caller leaves in the middle", left.handler, async (server) => {
    const stop = new AbortController();
    const answer = await post(server, { stream: true }, {}, stop.signal);
    assert.ok(answer.body);
    await answer.body.getReader().read();
    stop.abort();
    await left.over;
  });

  const early = leaving({ beforeAnswer: true });
  contract("aborts the call's signal when the caller leaves before the answer", early.handler, async (server) => {
    const stop = new AbortController();
    const answer = post(server, {}, {}, stop.signal);
    await early.called;
    stop.abort();
    await assert.rejects(answer);
    await early.over;
  });

  const done = leaving({ answers: true });
  contract("aborts the call's signal when the answer is complete", done.handler, async (server) => {
    await (await post(server, {})).text();
    await done.over;
  });
}

async function cut(server: TestServer): Promise<void> {
  const text = await (await post(server, { stream: true })).text();
  assert.match(text, /data: \{"error":\{[^\n]*llm\.stream\.interrupted[^\n]*\n\n$/);
  assert.doesNotMatch(text, /\[DONE\]/);
}

async function tooLarge(server: TestServer): Promise<void> {
  const answer = await post(server, { messages: [{ role: "user", content: "x".repeat(100_000) }] });
  assert.equal(answer.status, 413);
  assert.match(await answer.text(), /llm\.request\.too_large/);
}

function post(
  server: TestServer,
  body: object,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const whole = { model: "m", messages: [{ role: "user", content: "Hi" }], ...body };
  return send(server, JSON.stringify(whole), headers, signal);
}

function send(server: TestServer, body: string, headers = {}, signal?: AbortSignal): Promise<Response> {
  const init = { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
  return server.fetch("/v1/chat/completions", signal ? { ...init, signal } : init);
}

async function fields(answer: Response): Promise<Record<string, unknown>> {
  // A JSON answer of the gateway is an object.
  return (await answer.json()) as Record<string, unknown>;
}

/** Lets a stream go on from outside. */
const trickle = { go: (): void => {} };

function trickling(): Handler {
  return async () => ({
    headers: {},
    chunks: (async function* () {
      const [start, one, two, end] = chunksOf("one", "two");
      const going = new Promise<void>((resolve) => {
        trickle.go = resolve;
      });
      if (start && one) yield* [start, one];
      await going;
      if (two && end) yield* [two, end];
    })(),
  });
}

/** A handler that shows when its call's signal aborts, and that waits for it unless it `answers`. */
function leaving({ beforeAnswer = false, answers = false } = {}): {
  readonly handler: Handler;
  readonly called: Promise<void>;
  readonly over: Promise<void>;
} {
  const called = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const until = ({ call: { signal } }: ChatRequest): Promise<void> =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  const handler: Handler = async (request) => {
    const aborted = until(request).then(over.resolve);
    called.resolve();
    if (answers) return textReply("done");
    if (beforeAnswer) await aborted;
    return {
      headers: {},
      chunks: (async function* () {
        yield* chunksOf("a").slice(0, 2);
        await aborted;
      })(),
    };
  };
  return { handler, called: called.promise, over: over.promise };
}
