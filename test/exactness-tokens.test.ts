import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, suite, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { compose, gateway, type Handler, type Limit, rateLimit, retry, toNode } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import OpenAI from "openai";
import { until } from "./faults/until.ts";
import { listen } from "./listen.ts";
import { startUpstream } from "./raw-http.ts";

// Bad input 71: callers who try to use more tokens than they are counted. A call is charged what its provider says that it
// used, and where that says nothing what was seen; what failed costs nothing. The simulator counts words as tokens.

const CAPACITY = 10_000;
const windowMs = 60_000;
/** What is reserved for a call that asks for one token with the prompt "a". */
const PROBE = 6;

const simulator = await startSimulator();
after(() => simulator.close());
const provider = openai({ baseUrl: simulator.url });

type Headers = Readonly<Record<string, string>>;

/** A gateway with limits on a port. */
interface Started {
  readonly url: string;
  send(fields: object, options?: { readonly headers?: Headers; readonly signal?: AbortSignal }): Promise<Response>;
  /** How many tokens the caller has left, as the next call is told. */
  left(): Promise<number>;
}

async function start(
  t: TestContext,
  limit: Limit = { tokens: CAPACITY, windowMs },
  handler: Handler = provider,
): Promise<Started> {
  const pipeline = compose([rateLimit({ limits: [limit] }), retry({ retries: 0 })], handler);
  const server = await listen(createServer(toNode(gateway(pipeline))));
  t.after(server.close);
  const send: Started["send"] = (fields, { headers = {}, signal } = {}) =>
    server.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "sim", messages: [{ role: "user", content: "a" }], ...fields }),
      ...(signal && { signal }),
    });
  return {
    url: `${server.url}/v1`,
    send,
    async left() {
      const answer = await send({ max_tokens: 1 });
      assert.equal(answer.status, 200, await answer.text());
      return Number(answer.headers.get("x-ratelimit-remaining-tokens")) + PROBE;
    },
  };
}

const words = (count: number): object => ({ messages: [{ role: "user", content: "word ".repeat(count).trim() }] });
/** A provider that gives what it likes, whatever it is asked for. */
async function using(t: TestContext, completion_tokens: number): Promise<Handler> {
  const choices = [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 5, completion_tokens, total_tokens: completion_tokens + 5 };
  const upstream = await startUpstream({ object: "chat.completion", choices, usage });
  t.after(upstream.close);
  return openai({ baseUrl: `${upstream.url}/v1` });
}

/** Calls, and what each of them uses. */
const uses: Readonly<Record<string, readonly [fields: object, tokens: number]>> = {
  "a huge prompt for an answer of one token": [{ ...words(1500), max_tokens: 1 }, 1501],
  "a small prompt with an answer that was not asked to be short": [{ model: "sim+words=700" }, 701],
  "a stream without usage for its caller": [{ model: "sim+words=300", stream: true }, 301],
  "a stream with usage for its caller": [
    { model: "sim+words=300", stream: true, stream_options: { include_usage: true } },
    301,
  ],
  "reasoning that no caller sees": [{ model: "sim+words=10+reasoning=200" }, 211],
  "many answers at once": [{ model: "sim+words=50", n: 4, max_tokens: 1000 }, 204],
  "a large reservation for a short answer": [{ max_tokens: 9000 }, 2],
};

/** Failures, none of which gave an answer. */
// biome-ignore format: a list reads best in one piece
const failures = ["status=400", "status=401", "status=429", "status=500", "status=503", "reset", "close", "html", "empty", "invalid-json", "error-in-200", "bad-status-line"];

suite("bad input 71: a limit on tokens", { timeout: 30_000, concurrency: true }, () => {
  for (const [what, [fields, tokens]] of Object.entries(uses)) {
    test(`charges ${what} what it used`, async (t) => {
      const { send, left } = await start(t);
      const answer = await send(fields);
      assert.equal(answer.status, 200, await answer.clone().text());
      await answer.text();
      assert.equal(await left(), CAPACITY - tokens);
    });
  }

  for (const stream of [false, true]) {
    test(`charges what was seen where the provider does not say, stream: ${stream}`, async (t) => {
      for (const usage of ["none", "strings"]) {
        const { send, left } = await start(t);
        const text = await (await send({ model: `sim+words=300+usage=${usage}`, stream, max_tokens: 400 })).text();
        const seen = CAPACITY - (await left());
        assert.ok(seen > 200 && seen < text.length, `${seen} tokens`);
      }
    });

    test(`gives back what a failed call had reserved, stream: ${stream}`, async (t) => {
      const { send, left } = await start(t);
      for (const fault of failures) {
        const answer = await send({ ...words(500), model: `sim+${fault}`, stream, max_tokens: 3000 });
        assert.ok(answer.status >= 400, `${fault}: ${answer.status}`);
        await answer.text();
      }
      assert.equal(await left(), CAPACITY);
    });
  }

  test("charges an answer that breaks off, and one whose caller leaves it, what was seen of it", async (t) => {
    const cut = await start(t);
    await (await cut.send({ model: "sim+words=300+cut=250", stream: true, max_tokens: 400 })).text();
    const broken = CAPACITY - (await cut.left());
    assert.ok(broken > 200 && broken < 1000, `${broken} tokens`);

    const { send, left } = await start(t);
    const leaving = new AbortController();
    const model = "sim+words=4000+pace=1";
    const answer = await send({ model, stream: true, max_tokens: 4000 }, { signal: leaving.signal });
    let bytes = 0;
    for await (const piece of answer.body ?? []) {
      bytes += piece.length;
      if (bytes > 40_000) break;
    }
    leaving.abort();
    await until(
      () => simulator.calls.some((call) => call.model === model && call.outcome === "aborted"),
      "it was left",
    );
    const used = CAPACITY - (await left());
    assert.ok(used > 100 && used < 3000, `${used} tokens`);
  });

  test("charges its prompt to a caller who hangs up before the answer", async (t) => {
    const { send, left } = await start(t);
    const model = "sim-hung-up+stall=headers";
    const leaving = new AbortController();
    const answer = send({ ...words(1000), model, max_tokens: 3000 }, { signal: leaving.signal });
    await until(() => simulator.calls.some((call) => call.model === model), "the provider is asked");
    leaving.abort();
    await assert.rejects(answer);
    await until(
      () => simulator.calls.some((call) => call.model === model && call.outcome === "aborted"),
      "it was left",
    );
    await sleep(20);
    // 4,999 characters are taken for some 1,250 tokens.
    assert.equal(await left(), CAPACITY - 1254);
  });

  test("makes a debt of an answer that is longer than asked for", async (t) => {
    const { send } = await start(t, { tokens: CAPACITY, windowMs }, await using(t, 24_995));
    assert.equal((await send({ max_tokens: 1 })).status, 200);
    const refused = await send({ max_tokens: 1 });
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("x-ratelimit-remaining-tokens"), "0");
    // Two windows and a half were used, so it takes two to pay.
    const seconds = Number(refused.headers.get("retry-after"));
    assert.ok(seconds > 110 && seconds <= 120, `${seconds} s`);
  });

  test("refuses what it never could let pass, tells the caller not to come back, and asks no provider", async (t) => {
    const { send, left } = await start(t);
    const model = "sim-too-much";
    for (const fields of [{ ...words(9000), max_tokens: 1 }, { max_tokens: 10_000 }, { max_tokens: 2000, n: 8 }]) {
      const refused = await send({ model, ...fields });
      assert.deepEqual([refused.status, refused.headers.get("x-should-retry")], [429, "false"]);
      assert.match(await refused.text(), /"llm\.rate_limit\.tokens"/);
    }
    assert.ok(!simulator.calls.some((call) => call.model === model));
    assert.equal(await left(), CAPACITY);
  });

  test("holds for calls that come at once", async (t) => {
    const { send, left } = await start(t);
    const calls = Array.from({ length: 50 }, () => send({ model: "sim+words=900+delay=100", max_tokens: 1000 - 5 }));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 10);
    assert.equal(statuses.filter((status) => status === 429).length, 40);
    assert.equal(await left(), CAPACITY - 10 * 901);
  });
});

test("a limit is a RateLimitError of OpenAI's SDK, with its headers", { timeout: 10_000 }, async (t) => {
  const { url } = await start(t, { requests: 1, windowMs });
  const { completions } = new OpenAI({ baseURL: url, apiKey: "any", maxRetries: 0 }).chat;
  const create = () => completions.create({ model: "sim", messages: [{ role: "user", content: "a" }] });
  const { response } = await create().withResponse();
  assert.equal(response.headers.get("x-ratelimit-remaining-requests"), "0");
  const error: unknown = await create().then(
    () => assert.fail("it passed"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OpenAI.RateLimitError);
  assert.deepEqual([error.status, error.code, error.type], [429, "llm.rate_limit.requests", "rate_limit_error"]);
  const { headers } = error;
  assert.match(headers.get("retry-after") ?? "", /^(60|59)$/);
  assert.match(headers.get("retry-after-ms") ?? "", /^[1-9]\d{3,4}$/);
  assert.deepEqual(
    ["limit", "remaining", "model", "limit-requests", "remaining-requests"].map((name) =>
      headers.get(`x-ratelimit-${name}`),
    ),
    ["1", "0", "sim", "1", "0"],
  );
  assert.match(headers.get("x-ratelimit-reset-requests") ?? "", /^(1m0s|60s|59s)$/);
});
