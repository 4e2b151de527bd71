import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Simulator, startSimulator } from "@gatewright/simulator";
import { type ExampleProcess, startExample } from "./gateway-process.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Runs the example gateway in front of a simulator of the test's own. */
async function inFrontOf(
  environment: Readonly<Record<string, string>>,
  run: (gateway: ExampleProcess, provider: Simulator) => Promise<void>,
): Promise<void> {
  const provider = await startSimulator();
  const gateway = await startExample("gateway", { OPENAI_BASE_URL: provider.url, ...environment });
  try {
    await run(gateway, provider);
  } finally {
    await gateway.close();
    await provider.close();
  }
}

function ask(
  { url }: ExampleProcess,
  fields: Fields,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "sim", messages: [{ role: "user", content: "Hello" }], ...fields }),
  });
}

async function codeOf(answer: Response): Promise<unknown> {
  const { error } = (await answer.json()) as { error: { code: unknown } };
  return error.code;
}

describe("The gateway example", { timeout: 60_000 }, () => {
  test("retries as often as GATEWAY_RETRIES says, then tells the caller not to", async () => {
    for (const retries of [0, 1, 4]) {
      await inFrontOf({ GATEWAY_RETRIES: String(retries) }, async (gateway, provider) => {
        const answer = await ask(gateway, { model: "sim+status=500+retry-after-ms=1" });
        assert.equal(answer.status, 502);
        assert.equal(provider.calls.length, retries + 1);
        assert.equal(answer.headers.get("x-gateway-attempts"), String(retries + 1));
      });
    }
  });

  test("walks the caller's own fallbacks, and logs every try in one line", async () => {
    await inFrontOf({}, async (gateway, provider) => {
      const fallbacks = [{ model: "sim+words=2", temperature: 0.5 }];
      const answer = await ask(gateway, { model: "sim+status=401", fallbacks }, { "x-request-id": "walk" });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("x-gateway-tried"), "openai/sim+status=401=401, openai/sim+words=2=200");
      assert.deepEqual(
        provider.calls.map(({ body }) => (body as Fields).temperature),
        [undefined, 0.5],
      );
      const [line] = await gateway.printed(/.*"request_id":"walk".*/);
      assert.match(line, /"code":"llm.provider.auth".*"status":200/);
    });
  });

  test("ends a silent stream with its timeouts, and a whole call with its deadline", async () => {
    const limits = { GATEWAY_FIRST_TOKEN_TIMEOUT_MS: "150", GATEWAY_IDLE_TIMEOUT_MS: "150" };
    await inFrontOf({ ...limits, GATEWAY_TIMEOUT_MS: "600" }, async (gateway) => {
      const silent = await ask(gateway, { model: "sim+stall=first", stream: true });
      assert.equal(silent.status, 504);
      assert.equal(await codeOf(silent), "llm.timeout.first_token");
      assert.match(
        await (await ask(gateway, { model: "sim+words=9+stall=2", stream: true })).text(),
        /llm\.timeout\.idle/,
      );
      const endless = await (await ask(gateway, { model: "sim+trickle=50", stream: true })).text();
      assert.match(endless, /llm\.timeout\.total/);
      assert.doesNotMatch(endless, /\[DONE\]/);
      const own = await ask(gateway, { model: "sim+stall" }, { "x-gateway-timeout-ms": "100" });
      assert.equal(await codeOf(own), "llm.timeout.total");
    });
  });

  test("shows a cut stream as broken, and with GATEWAY_STREAM_COMMIT=complete cures it", async () => {
    const model = "sim+words=5+cut=3+times=1";
    await inFrontOf({}, async (gateway) => {
      const text = await (await ask(gateway, { model, stream: true })).text();
      assert.match(text, /llm\.stream\.interrupted/);
      assert.doesNotMatch(text, /\[DONE\]/);
    });
    await inFrontOf({ GATEWAY_STREAM_COMMIT: "complete" }, async (gateway, provider) => {
      const text = await (await ask(gateway, { model, stream: true })).text();
      assert.doesNotMatch(text, /"error"/);
      assert.equal(text.match(/data: \[DONE\]/g)?.length, 1);
      assert.equal(provider.calls.length, 2);
    });
  });

  test("lets one caller have as many calls in flight as GATEWAY_CONCURRENCY says, and as many wait", async () => {
    await inFrontOf({ GATEWAY_CONCURRENCY: "1" }, async (gateway, provider) => {
      const slow = Array.from({ length: 3 }, () => ask(gateway, { model: "sim+delay=400" }));
      const statuses = (await Promise.all(slow)).map(({ status }) => status);
      assert.deepEqual(statuses.sort(), [200, 200, 429]);
      assert.equal(provider.calls.length, 2);
    });
  });

  test("executes a call with an Idempotency-Key once", async () => {
    await inFrontOf({}, async (gateway, provider) => {
      const once = { "idempotency-key": "order-1" };
      const [first, second] = [await ask(gateway, { stream: true }, once), await ask(gateway, { stream: true }, once)];
      assert.equal(second.headers.get("idempotent-replayed"), "true");
      assert.equal(await second.text(), await first.text());
      assert.equal(provider.calls.length, 1);
      assert.equal((await ask(gateway, { stream: true, seed: 1 }, once)).status, 422);
    });
  });

  test("ends streams with an error event when GATEWAY_SHUTDOWN_MS is over, and exits with 0", async () => {
    await inFrontOf({ GATEWAY_SHUTDOWN_MS: "300" }, async (gateway) => {
      const streams = await Promise.all(
        Array.from({ length: 100 }, () => ask(gateway, { model: "sim+trickle=40", stream: true })),
      );
      const texts = streams.map((answer) => answer.text());
      gateway.signal("SIGTERM");
      await sleep(50);
      for (const text of await Promise.all(texts)) {
        assert.match(text, /llm\.shutting_down/);
        assert.doesNotMatch(text, /\[DONE\]/);
      }
      assert.equal((await gateway.ended).code, 0);
    });
  });
});
