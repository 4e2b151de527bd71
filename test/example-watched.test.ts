import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, test } from "node:test";
import type { CallRecord } from "@gatewright/core";
import { type ExampleProcess, startExample } from "./gateway-process.ts";
import { freePort, listen } from "./listen.ts";

// What the example gateway tells of itself: its log, its metrics, its health.

type Fields = Readonly<Record<string, string>>;

/** A record as pino writes it. */
interface Line extends CallRecord {
  readonly level: number;
}

async function withGateway(environment: Fields, use: (gateway: ExampleProcess) => Promise<void>): Promise<string> {
  const gateway = await startExample("gateway", environment);
  try {
    await use(gateway);
  } finally {
    await gateway.close();
  }
  const { code, stdout, stderr } = await gateway.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

function ask({ url }: ExampleProcess, body: object, headers: Fields = {}): Promise<Response> {
  return fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "sim", messages: [{ role: "user", content: "The word is cucumber." }], ...body }),
  });
}

function recordsIn(stdout: string): Line[] {
  const lines = stdout.split("\n").filter((line) => line.includes('"msg":"call"'));
  return lines.map((line) => JSON.parse(line));
}

function at(gateway: ExampleProcess, path: string, headers: Fields = {}): Promise<Response> {
  return fetch(gateway.url.replace("/v1", path), { headers });
}

const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
const response_format = { type: "json_schema", json_schema: { name: "numbers", schema } };

describe("The gateway example", { timeout: 60_000 }, () => {
  test("leaves one record a call, with what was configured and without what was said", async () => {
    const ids: string[] = [];
    const stdout = await withGateway(
      { GATEWAY_ENVIRONMENT: "staging", GATEWAY_REGION: "eu-1", GATEWAY_PRICES: "sim*=250000/500000" },
      async (gateway) => {
        const bodies = [{}, { model: "sim+status=500" }, { model: "sim+cut=1", stream: true }, { messages: 7 }];
        for (const body of bodies) {
          const response = await ask(gateway, body);
          ids.push(response.headers.get("x-request-id") ?? "");
          await response.text();
        }
      },
    );
    const records = recordsIn(stdout);
    assert.deepEqual(records.map(({ request_id }) => request_id).sort(), ids.sort());
    const outcomes = records.map(({ level, outcome, status }) => [level, outcome, status]);
    assert.deepEqual(outcomes, [
      [30, "completed", 200],
      [40, "failed", 502],
      [40, "interrupted", 200],
      [40, "failed", 400],
    ]);
    const [first] = records;
    assert.deepEqual([first?.environment, first?.region, first?.cost], ["staging", "eu-1", 3]);
    assert.doesNotMatch(stdout.slice(stdout.indexOf('{"level"')), /cucumber/);
  });

  test("GATEWAY_LOG_CONTENT logs what was said, credentials masked", async () => {
    const stdout = await withGateway({ GATEWAY_LOG_CONTENT: "true" }, async (gateway) => {
      await (await ask(gateway, { messages: [{ role: "user", content: "cucumber sk-0123456789abcdef" }] })).text();
    });
    assert.match(stdout, /"content":\{"prompt":"[^"]*cucumber/);
    assert.doesNotMatch(stdout, /0123456789abcdef/);
  });

  test("shows its metrics to this machine, and on the admin port; not through a proxy", async () => {
    const port = await freePort();
    await withGateway({ GATEWAY_RATE_LIMIT: "1/60s", GATEWAY_ADMIN_PORT: String(port) }, async (gateway) => {
      assert.deepEqual([(await ask(gateway, {})).status, (await ask(gateway, {})).status], [200, 429]);
      const metrics = await (await at(gateway, "/metrics")).text();
      assert.match(metrics, /^gen_ai_client_operation_duration\w*_count\{.*gen_ai_request_model="sim".*\} 1$/m);
      assert.match(metrics, /^gatewright_limit_decisions\w*\{[^}]*"(allowed|true)"[^}]*\} 1$/m);
      assert.match(metrics, /^gatewright_limit_decisions\w*\{[^}]*"(blocked|false)"[^}]*\} 1$/m);
      assert.doesNotMatch(metrics, /cucumber/);
      for (const headers of [
        { "x-forwarded-for": "192.0.2.1" },
        { forwarded: "for=192.0.2.1" },
        { "x-real-ip": "192.0.2.1" },
      ]) {
        assert.equal((await at(gateway, "/metrics", headers)).status, 404);
        assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).status, 200);
      }
      assert.deepEqual(await (await fetch(`http://127.0.0.1:${port}/readyz`)).json(), { status: "ready" });
      assert.equal((await fetch(`http://127.0.0.1:${port}/v1/models`)).status, 404);
    });
  });

  test("asks a model in words, and again where its answer does not match", async () => {
    const bodies: { readonly response_format?: unknown; readonly messages: readonly { readonly content: string }[] }[] =
      [];
    const model = await listen(
      createServer((request, response) => {
        let text = "";
        request.on("data", (piece) => (text += piece));
        request.on("end", () => {
          bodies.push(JSON.parse(text));
          const content = bodies.length === 1 ? '{"a":"one"}' : '{"a":1}';
          const message = { role: "assistant", content };
          response.setHeader("content-type", "application/json");
          response.end(
            JSON.stringify({ id: "1", model: "llama", choices: [{ index: 0, message, finish_reason: "stop" }] }),
          );
        });
      }),
    );
    const environment = {
      OPENAI_BASE_URL: `${model.url}/v1`,
      GATEWAY_SCHEMA_AS_INSTRUCTION: "llama*",
      GATEWAY_OUTPUT_CHECK: "ask-again",
    };
    const stdout = await withGateway(environment, async (gateway) => {
      const answer = await ask(gateway, { model: "llama-3", response_format });
      const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
      assert.equal(choices[0]?.message.content, '{"a":1}');
    });
    await model.close();
    assert.equal(bodies[0]?.response_format, undefined);
    assert.match(bodies[0]?.messages[0]?.content ?? "", /JSON Schema/);
    assert.match(bodies[1]?.messages.at(-1)?.content ?? "", /- a must/);
    const [record] = recordsIn(stdout);
    assert.equal(record?.schema?.name, "numbers");
    assert.equal(record?.attempts.length, 2);
  });

  test("repairs what was asked for as JSON, refuses what does not match, or is told to do neither", async () => {
    const answers = async (environment: Fields): Promise<number> => {
      let status = 0;
      await withGateway(environment, async (gateway) => {
        status = (await ask(gateway, { model: "sim+fenced-json", response_format })).status;
      });
      return status;
    };
    assert.equal(await answers({}), 200);
    assert.equal(await answers({ GATEWAY_REPAIR_JSON: "false" }), 500);
    assert.equal(await answers({ GATEWAY_REPAIR_JSON: "false", GATEWAY_OUTPUT_CHECK: "off" }), 200);
  });

  test("does not mind a collector that is not there, and counts the spans that it loses", async () => {
    const gone = await listen(createServer());
    await gone.close();
    await withGateway({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url }, async (gateway) => {
      for (let calls = 0; calls < 20; calls++) assert.equal((await ask(gateway, {})).status, 200);
    });
  });

  test("sends traces and metrics to a collector, and the trace goes on at the provider", async () => {
    const got: string[] = [];
    let traced = "";
    const collector = await listen(
      createServer((request, response) => {
        let text = "";
        request.setEncoding("utf8").on("data", (piece) => (text += piece));
        request.on("end", () => {
          got.push(`${request.url} ${text}`);
          response.setHeader("content-type", "application/json");
          response.end("{}");
        });
      }),
    );
    const model = await listen(
      createServer((request, response) => {
        traced = String(request.headers.traceparent);
        assert.equal(request.headers.baggage, undefined);
        const message = { role: "assistant", content: "Hello" };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ id: "1", model: "m", choices: [{ index: 0, message, finish_reason: "stop" }] }));
      }),
    );
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OPENAI_BASE_URL: `${model.url}/v1` };
    await withGateway(environment, async (gateway) => {
      const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, baggage: "secret=1" };
      assert.equal((await ask(gateway, { model: "m" }, headers)).status, 200);
    });
    await Promise.all([collector.close(), model.close()]);
    assert.match(traced, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    const spans = got.filter((text) => text.startsWith("/v1/traces")).join();
    assert.ok(spans.includes(trace) && spans.includes("chat m"), spans.slice(0, 500));
    assert.ok(got.some((text) => text.startsWith("/v1/metrics") && text.includes("gen_ai.client.operation.duration")));
    assert.doesNotMatch(got.join(), /cucumber/);
  });
});
