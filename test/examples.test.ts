import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { startSimulator } from "@gatewright/simulator";
import { type Ended, type ExampleProcess, runExample, startExample } from "./gateway-process.ts";
import { listen } from "./listen.ts";

const KEY = "the-key-of-the-shop-0123";
const SECRET = "hush-0123456789-hush";
const messages = [{ role: "user", content: "Hello" }];

type Fields = Readonly<Record<string, string>>;

function ask(url: string, body: object, headers: Fields = {}): Promise<Response> {
  return fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "sim", messages, ...body }),
  });
}

/** What an answer says, whole or streamed. */
function said(text: string): string {
  const events = text.startsWith("data:") ? text.split("\n\n").filter((event) => event.startsWith("data: {")) : [];
  const bodies: Completion[] = (events.length > 0 ? events : [text]).map((json) =>
    JSON.parse(json.replace("data: ", "")),
  );
  return bodies.map(({ choices: [choice] }) => (choice?.message ?? choice?.delta)?.content ?? "").join("");
}

interface Completion {
  readonly choices: readonly { readonly message?: Said; readonly delta?: Said }[];
}

interface Said {
  readonly content?: string;
}

/** Uses a gateway of this configuration and ends it, also where that fails; nothing may be on its stderr. */
async function withGateway(environment: Fields, use: (example: ExampleProcess) => Promise<void>): Promise<Ended> {
  const example = await startExample("gateway", environment);
  try {
    await use(example);
  } finally {
    await example.close();
  }
  const ended = await example.ended;
  assert.equal(ended.stderr, "");
  return ended;
}

describe("The Express example", { timeout: 30_000 }, () => {
  let example: ExampleProcess;
  let shop: string;
  before(async () => {
    example = await startExample("in-express");
    shop = example.url.replace(/\/v1$/, "");
  });
  after(async () => assert.equal((await example.close()).stderr, ""));
  const order = (body: string): Promise<Response> =>
    fetch(`${shop}/orders`, { method: "POST", headers: { "content-type": "application/json" }, body });

  test("still serves the shop", async () => {
    const page = await fetch(shop);
    assert.equal(await page.text(), "The shop is open.");
    const ordered = await order('{"item":"tea"}');
    assert.equal(ordered.status, 201);
    assert.deepEqual(await ordered.json(), { ordered: "tea" });
  });

  test("leaves the shop's failures to the shop", async () => {
    const refused = await order("{}");
    assert.equal(refused.status, 400);
    assert.deepEqual(await refused.json(), { shop: "an order needs an item" });
    const unread: unknown = await (await order("{")).json();
    assert.deepEqual(Object.keys(Object(unread)), ["shop"]);
  });

  test("answers with the gateway beside it, whole and streamed, and with bodies that the shop would not take", async () => {
    assert.equal(said(await (await ask(example.url, {})).text()), "Hello");
    const stream = await (await ask(example.url, { stream: true })).text();
    assert.equal(said(stream), "Hello");
    assert.match(stream, /data: \[DONE\]\n\n$/);
    const long = "a".repeat(200_000);
    const answer = await ask(example.url, { messages: [{ role: "user", content: long }] });
    assert.equal(said(await answer.text()), long);
  });

  test("leaves the gateway's failures to the gateway", async () => {
    const refused = await ask(example.url, { n: 0 });
    assert.equal(refused.status, 400);
    assert.partialDeepStrictEqual(await refused.json(), { error: { code: "llm.request.invalid", param: "n" } });
    const wrong = await fetch(`${example.url}/chat/completions`);
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("allow"), "POST");
  });

  test("gives every other path to the shop, also below the gateway's", async () => {
    for (const path of ["/nothing", "/v1/nothing", "/v1/completions"]) {
      const missing = await fetch(shop + path);
      assert.equal(missing.status, 404);
      assert.match(await missing.text(), new RegExp(`Cannot GET ${path}`));
      assert.equal(missing.headers.get("x-request-id"), null);
    }
  });
});

describe("The Koa example", { timeout: 30_000 }, () => {
  let example: ExampleProcess;
  let shop: string;
  before(async () => {
    example = await startExample("in-koa");
    shop = example.url.replace(/\/v1$/, "");
  });
  after(async () => assert.equal((await example.close()).stderr, ""));

  test("still serves the shop, timed", async () => {
    assert.equal(await (await fetch(shop)).text(), "The shop is open.");
    await example.printed(/^GET \/ 200 \d+ ms$/);
  });

  test("answers with the gateway beside it, and times it with its true status", async () => {
    assert.equal(said(await (await ask(example.url, {})).text()), "Hello");
    await example.printed(/^POST \/v1\/chat\/completions 200 \d+ ms$/);
    assert.equal((await ask(example.url, { n: 0 })).status, 400);
    await example.printed(/^POST \/v1\/chat\/completions 400 \d+ ms$/);
    assert.equal((await ask(example.url, { model: "sim+status=503" })).status, 503);
    await example.printed(/^POST \/v1\/chat\/completions 503 \d+ ms$/);
  });

  test("times a stream to its end", async () => {
    // Ten waits of 30 ms between eleven words: no other call takes as long.
    const stream = await (await ask(example.url, { model: "sim+words=11+pace=30", stream: true })).text();
    assert.match(stream, /data: \[DONE\]\n\n$/);
    await example.printed(/^POST \/v1\/chat\/completions 200 (29\d|[3-9]\d\d|\d{4,}) ms$/);
  });

  test("gives every other path to the shop, also below the gateway's", async () => {
    for (const path of ["/nothing", "/v1/nothing"]) {
      const missing = await fetch(shop + path);
      assert.equal(missing.status, 404);
      assert.equal(await missing.text(), "Not Found");
      await example.printed(new RegExp(`^GET ${path} 404 \\d+ ms$`));
    }
  });
});

test("The example that asks a question of a transcript prints the answer and ends", { timeout: 30_000 }, async () => {
  const stdout =
    "sim: When does the parcel come?\n\n" +
    "[00:00:00] Speaker A: Where is my parcel?\n[00:00:03] Speaker B: It comes on Tuesday.\n";
  assert.deepEqual(await runExample("ask-a-transcript"), { code: 0, signal: null, stdout, stderr: "" });
});

test("The example that repairs an answer prints the object and what was done, and ends", {
  timeout: 30_000,
}, async () => {
  const { code, stdout, stderr } = await runExample("repaired-output");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^\{\n {2}item: 'tea',\n {2}size: 'large',\n.*paid: true/s);
  assert.match(stdout, /verdict: 'repaired'/);
});

test("The validated-output example asks again, and prints an object that matches", { timeout: 30_000 }, async () => {
  const { code, stdout, stderr } = await runExample("validated-output");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /That does not match[\s\S]*- size must[\s\S]*- sugars must/);
  assert.match(stdout, /The caller gets: \{ item: 'tea', size: 'large', sugars: 2 \}\n$/);
});

test("The own-step example takes the thoughts out of a stream", { timeout: 30_000 }, async () => {
  const { code, stdout, stderr } = await runExample("own-step");
  assert.deepEqual([code, stderr], [0, ""]);
  const [said = ""] = stdout.split(" [\n");
  assert.deepEqual(JSON.parse(said.slice(1, -1).replaceAll("][", "")), { item: "tea" });
  assert.doesNotMatch(stdout, /They want|think>/);
});

test("The in-process example prints the answer and ends", { timeout: 30_000 }, async () => {
  assert.deepEqual(await runExample("in-process"), { code: 0, signal: null, stdout: "sim: Say hello.\n", stderr: "" });
});

describe("The gateway example", { timeout: 60_000 }, () => {
  test("greets with its pipeline and a curl line that works as it is printed", async () => {
    await withGateway({}, async ({ url, stdout, printed }) => {
      assert.match(
        stdout,
        /^ {2}pipeline {3}log → trace\(call\) → endOn → timeout\(call\) → idempotency → validateOutput → repairJson → postProcess → fallback → circuitBreaker → retry → .* → simulator$/m,
      );
      assert.match(stdout, /^ {2}provider {3}simulator at http:\S+: no provider is configured; set OPENAI_API_KEY/m);
      assert.match(stdout, /^ {2}keys {7}WARNING: none are asked/m);
      assert.equal(said(await run(await printed(/^ +(curl .*)$/))), "Hello");
      assert.equal((await fetch(url.replace("/v1", "/healthz"))).status, 200);
      assert.deepEqual(await (await fetch(url.replace("/v1", "/readyz"))).json(), { status: "ready" });
    });
  });

  test("greets with keys by their names, and its curl line works once the key is put in", async () => {
    const keys = { GATEWAY_KEYS: `shop=${KEY},till=another-key-of-the-till` };
    const { stdout } = await withGateway(keys, async (example) => {
      assert.match(example.stdout, /^ {2}pipeline {3}log → trace\(call\) → endOn → auth → .* → simulator$/m);
      assert.match(example.stdout, /^ {2}keys {7}shop, till$/m);
      const curl = await example.printed(/^ +(curl .*)$/);
      assert.equal(JSON.parse(await run(curl)).error.code, "llm.auth.invalid_key");
      curl[1] = curl[1]?.replace("YOUR_KEY", KEY) ?? "";
      assert.equal(said(await run(curl)), "Hello");
    });
    assert.doesNotMatch(stdout, /the-key-of|another-key/);
  });

  test("starts beside variables of other programs, and says which of them it does not hear", async () => {
    const others = { ANTHROPIC_API_KEY: SECRET, GEMINI_API_KEY: "" };
    const { stdout } = await withGateway({ ...others, OTEL_SERVICE_NAME: "shop" }, async (example) => {
      await example.printed(/^ {2}unheard {4}ANTHROPIC_API_KEY, GEMINI_API_KEY: /);
      assert.equal(said(await (await ask(example.url, {})).text()), "Hello");
    });
    assert.doesNotMatch(stdout, /hush/);
  });

  test("takes a key in three header forms, and asks for one on every route that it has", async () => {
    await withGateway({ GATEWAY_KEYS: `shop=${KEY}` }, async ({ url }) => {
      const forms: Fields[] = [{ authorization: `Bearer ${KEY}` }, { authorization: KEY }, { "x-api-key": KEY }];
      const get = (path: string, headers: Fields): Promise<Response> => fetch(url + path, { headers });
      for (const headers of forms) {
        assert.equal((await ask(url, {}, headers)).status, 200);
        assert.equal((await get("/models", headers)).status, 200);
        assert.equal((await get("/models/sim", headers)).status, 200);
      }
      const wrong: Fields[] = [
        {},
        { authorization: "Bearer" },
        { "x-api-key": `${KEY}4` },
        { authorization: `Basic ${KEY}` },
      ];
      for (const headers of wrong) {
        for (const answer of [ask(url, {}, headers), get("/models", headers), get("/models/sim", headers)]) {
          const { status } = await answer;
          assert.equal(status, 401, JSON.stringify(headers));
        }
      }
      assert.equal((await get(`/models?key=${KEY}&api_key=${KEY}`, {})).status, 401);
    });
  });

  test("answers what is not there in its own error style", async () => {
    await withGateway({ GATEWAY_ERRORS: "flat" }, async ({ url }) => {
      for (const path of ["/v1/nothing", "/", "/chat/completions"]) {
        const missing = await fetch(new URL(path, url));
        assert.equal(missing.status, 404);
        assert.partialDeepStrictEqual(await missing.json(), { code: "llm.request.not_found" });
        assert.equal(missing.headers.get("x-powered-by"), null);
      }
    });
  });

  test("logs a line a call that says how it ended, and is silent where it is told to be", async () => {
    const noisy = await withGateway({ GATEWAY_MAX_BODY_BYTES: "500" }, async (example) => {
      assert.equal((await ask(example.url, { user: "x".repeat(500) })).status, 413);
      const body = { model: "sim+words=3", messages: [{ role: "user", content: "private-words" }], stream: true };
      await (await ask(example.url, body, { "x-request-id": "call-1" })).text();
      await example.printed(/"request_id":"call-1".*"stream":true.*"outcome":"completed".*"tokens":\{.*"msg":"call"/);
      await (await ask(example.url, { model: "sim+words=3+cut=2", stream: true }, { "x-request-id": "call-2" })).text();
      await example.printed(/"request_id":"call-2".*"outcome":"interrupted"/);
    });
    assert.match(noisy.stdout, /"code":"llm.request.too_large"/);
    assert.doesNotMatch(noisy.stdout, /private-words|xxxx/);
    const silent = await withGateway({ LOG_LEVEL: "silent" }, async ({ url }) => {
      assert.equal((await ask(url, { n: 0 })).status, 400);
      assert.equal((await ask(url, {})).status, 200);
    });
    assert.doesNotMatch(silent.stdout, /request_id/);
  });

  test("sends every model to the provider it is given, with its key and nothing of the caller's", async () => {
    const provider = await startSimulator({ apiKey: "provider-key-0123456789" });
    const environment = {
      OPENAI_BASE_URL: provider.url,
      OPENAI_API_KEY: "provider-key-0123456789",
      GATEWAY_KEYS: `shop=${KEY}`,
    };
    try {
      const { stdout } = await withGateway(environment, async (example) => {
        assert.match(example.stdout, /^ {2}pipeline {3}log → trace\(call\) → endOn → auth → .* → openai$/m);
        for (const model of ["gpt-5", "claude-sonnet", "org/model:7b"]) {
          const answer = await ask(example.url, { model }, { authorization: `Bearer ${KEY}`, cookie: "a=b" });
          assert.equal(said(await answer.text()), "Hello");
          assert.equal(answer.headers.get("x-gateway-provider"), "openai");
        }
      });
      assert.deepEqual(
        provider.calls.map(({ model }) => model),
        ["gpt-5", "claude-sonnet", "org/model:7b"],
      );
      for (const { headers } of provider.calls) {
        assert.equal(headers.authorization, "Bearer provider-key-0123456789");
        assert.doesNotMatch(JSON.stringify(headers), new RegExp(`${KEY}|a=b`));
      }
      assert.doesNotMatch(stdout, /provider-key/);
    } finally {
      await provider.close();
    }
  });

  test("never shows its provider's key, however the provider repeats it", async () => {
    const secret = "provider-key-0123456789";
    let status = 401;
    const echo = createServer((request, response) => {
      const key = request.headers.authorization?.replace("Bearer ", "");
      const error = { message: `Incorrect API key: ${key}.`, type: key, code: key, param: key };
      response.writeHead(status, { "content-type": "application/json", "x-key": key, "x-request-id": key });
      response.end(JSON.stringify({ error }));
    });
    const provider = await listen(echo);
    try {
      const environment = { OPENAI_BASE_URL: `${provider.url}/v1`, OPENAI_API_KEY: secret };
      const { stdout } = await withGateway(environment, async ({ url }) => {
        for (status of [401, 400, 500, 200]) {
          for (const stream of [false, true]) {
            const answer = await ask(url, { stream });
            assert.equal(answer.status, status === 400 ? 400 : 502);
            assert.doesNotMatch(JSON.stringify([...answer.headers]) + (await answer.text()), new RegExp(secret));
          }
        }
      });
      assert.doesNotMatch(stdout, new RegExp(secret));
    } finally {
      await provider.close();
    }
  });

  test("answers in JSON, without a stack trace, whatever its provider calls the model", async () => {
    const choice = { index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" };
    const provider = await listen(
      createServer((_request, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ id: "chatcmpl-1", model: "通义", choices: [choice] }));
      }),
    );
    try {
      await withGateway({ OPENAI_BASE_URL: `${provider.url}/v1` }, async ({ url }) => {
        const answer = await ask(url, {});
        assert.equal(answer.headers.get("content-type"), "application/json");
        assert.equal(said(await answer.text()), "Hello");
      });
    } finally {
      await provider.close();
    }
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`ends on ${signal} once the calls in flight are complete, and takes no new ones meanwhile`, async (t) => {
      const provider = await startSimulator();
      const soon = { interval: 2, timeout: 5000 };
      try {
        const ended = await withGateway({ OPENAI_BASE_URL: provider.url }, async (example) => {
          const { url } = example;
          // An idle connection to close, and calls of about half a second.
          await (await fetch(`${url}/models`)).text();
          const whole = ask(url, { model: "sim+delay=500" });
          const streams = [1, 2, 3].map(() => ask(url, { model: "sim+words=26+pace=20", stream: true }));
          const opened = await Promise.all(streams);
          await t.waitFor(() => assert.equal(provider.open, 4), soon);
          example.signal(signal);
          await example.printed(new RegExp(`^${signal}: no new connections`));
          await t.waitFor(() => assert.rejects(connected(url), { code: "ECONNREFUSED" }), soon);
          assert.equal(provider.open, 4, "the calls were over before the port was closed");
          for (const text of await Promise.all(opened.map((answer) => answer.text()))) {
            assert.match(text, /data: \[DONE\]\n\n$/);
            assert.equal(said(text).split(" ").length, 26);
          }
          assert.equal(said(await (await whole).text()), "Hello");
          await example.ended;
        });
        assert.deepEqual([ended.code, ended.signal], [0, null]);
        assert.equal(ended.stdout.match(/"outcome":"completed"/g)?.length, 4);
      } finally {
        await provider.close();
      }
    });
  }

  test("ends at once on a signal while it is idle", async () => {
    const { code, signal } = await withGateway({}, async (example) => {
      await (await fetch(`${example.url}/models`)).text();
      example.signal("SIGINT");
      await example.ended;
    });
    assert.deepEqual([code, signal], [0, null]);
  });

  test("ends at once on a second signal, whatever is in flight", async () => {
    const { code } = await withGateway({}, async (example) => {
      const stuck = await ask(example.url, { model: "sim+words=3+stall=2", stream: true });
      example.signal("SIGTERM");
      await example.printed(/^SIGTERM: no new connections/);
      example.signal("SIGINT");
      await assert.rejects(stuck.text());
      await example.ended;
    });
    assert.equal(code, 1);
  });
});

/** Environments that a gateway must not start with, and the variables that it must name. */
const unusable: Readonly<Record<string, Fields>> = {
  "a port that is a word": { PORT: "http" },
  "a port that no machine has": { PORT: "65536" },
  "an empty port": { PORT: "" },
  "a host that no machine has": { HOST: "203.0.113.7", GATEWAY_KEYS: `shop=${KEY}` },
  "a key without a name": { GATEWAY_KEYS: SECRET },
  "a name without a key": { GATEWAY_KEYS: "shop=" },
  "one key for two names": { GATEWAY_KEYS: `shop=${SECRET},till=${SECRET}` },
  "one name for two keys": { GATEWAY_KEYS: `shop=${SECRET},shop=${SECRET}2` },
  "an error style that there is not": { GATEWAY_ERRORS: "xml" },
  "a body limit of nothing": { GATEWAY_MAX_BODY_BYTES: "0" },
  "a body limit with a unit": { GATEWAY_MAX_BODY_BYTES: "10mb" },
  "a provider's key with a line break": { OPENAI_API_KEY: `${SECRET}\n` },
  "a provider's key that is empty": { OPENAI_API_KEY: "" },
  "a provider's key that no header can hold": { OPENAI_API_KEY: `${SECRET}–` },
  "a provider's URL without a scheme": { OPENAI_BASE_URL: `models.test/v1?key=${SECRET}` },
  "a provider's URL that is not HTTP": { OPENAI_BASE_URL: "ftp://models.test/v1" },
  "a provider's URL with a password": { OPENAI_BASE_URL: `https://me:${SECRET}@models.test/v1` },
  "a provider's URL with a query": { OPENAI_BASE_URL: `https://models.test/v1?key=${SECRET}` },
  "a log level that there is not": { LOG_LEVEL: "loud" },
  "a variable that is misspelt": { GATEWAY_KEY: `shop=${SECRET}` },
  "several at once": { PORT: "x", GATEWAY_ERRORS: "x", LOG_LEVEL: "x", GATEWAY_PORT: "x", OPENAI_API_KEY: "" },
  "limits that are none": {
    GATEWAY_CONCURRENCY: "0",
    GATEWAY_RETRIES: "-1",
    GATEWAY_TIMEOUT_MS: "1e3",
    GATEWAY_FIRST_TOKEN_TIMEOUT_MS: "0",
    GATEWAY_IDLE_TIMEOUT_MS: "soon",
    GATEWAY_STREAM_COMMIT: "last-token",
    GATEWAY_SHUTDOWN_MS: "99999999999",
  },
  "what it should tell of itself, in words it does not know": {
    GATEWAY_OUTPUT_CHECK: "maybe",
    GATEWAY_SCHEMA_AS_INSTRUCTION: "a model",
    GATEWAY_ENVIRONMENT: "on my desk",
    GATEWAY_PRICES: "gpt=cheap",
    GATEWAY_LOG_CONTENT: "yes",
    GATEWAY_TRACE_SHARE: "1.5",
    GATEWAY_ADMIN_PORT: "99999",
    GATEWAY_REPAIR_JSON: "please",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318/v1/traces",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  },
  "two prices for one model": { GATEWAY_PRICES: "a=1/2,a=2/3" },
  "an admin host without its port": { GATEWAY_ADMIN_HOST: "127.0.0.1" },
};

describe("The gateway example does not start, and says why,", { timeout: 60_000, concurrency: 3 }, () => {
  for (const [what, environment] of Object.entries(unusable)) {
    test(`with ${what}`, async () => {
      const names = what.startsWith("a host") ? ["HOST"] : Object.keys(environment);
      refuses(await runExample("gateway", { PORT: "0", ...environment }), names);
    });
  }

  test("with a host that other machines reach and no keys, but does with keys", async () => {
    for (const HOST of ["0.0.0.0", "::"])
      refuses(await runExample("gateway", { HOST, PORT: "0" }), ["HOST", "GATEWAY_KEYS"]);
    await withGateway({ HOST: "0.0.0.0", GATEWAY_KEYS: `shop=${KEY}` }, async ({ url }) => {
      assert.equal((await ask(url.replace("0.0.0.0", "127.0.0.1"), {}, { "x-api-key": KEY })).status, 200);
    });
  });

  test("with a port that is in use", async () => {
    const taken = await listen(createServer());
    try {
      const ended = await runExample("gateway", { PORT: String(taken.port) });
      refuses(ended, ["PORT"]);
      assert.match(ended.stderr, new RegExp(`${taken.port} is in use`));
    } finally {
      await taken.close();
    }
  });
});

/** It ended with 1 and a message for its operator: the variables, no stack trace, no secret. */
function refuses({ code, stdout, stderr }: Ended, names: readonly string[]): void {
  assert.doesNotMatch(stdout + stderr, /hush/, "a secret is shown");
  for (const name of names) assert.match(stderr, new RegExp(`\\b${name}\\b`));
  assert.match(stderr, /^The gateway cannot start\.\n/);
  assert.doesNotMatch(stderr, /^ +at /m);
  assert.equal(stdout, "");
  assert.equal(code, 1);
}

/** Connects to the port of a URL, and leaves. */
async function connected(url: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  try {
    await once(socket, "connect");
  } finally {
    socket.destroy();
  }
}

async function run([, line = ""]: RegExpExecArray): Promise<string> {
  const { stdout } = await promisify(execFile)("sh", ["-c", line]);
  return stdout;
}
