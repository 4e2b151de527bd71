import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
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

const folder = mkdtempSync(join(tmpdir(), "gatewright-keys-"));
after(() => rmSync(folder, { recursive: true }));
const keysFile = join(folder, "keys.json");
const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` });

/** Writes a file of keys, each of which is `key-of-` and its name. */
function writeKeys(...records: readonly ({ readonly name: string } & Fields)[]): void {
  const keys = records.map((record) => {
    return { ...record, sha256: createHash("sha256").update(`key-of-${record.name}`).digest("hex") };
  });
  writeFileSync(keysFile, JSON.stringify({ keys }));
}

/** The statuses of calls, one after the other. */
async function statuses(gateway: ExampleProcess, calls: readonly Parameters<typeof ask>[2][]): Promise<number[]> {
  const all: number[] = [];
  for (const headers of calls) all.push((await ask(gateway, {}, headers)).status);
  return all;
}

describe("Keys and limits of the gateway example", { timeout: 60_000, concurrency: 2 }, () => {
  test("GATEWAY_KEYS_FILE is read again when it changes; what cannot be used is told, and the old keys stay", async (t) => {
    writeKeys({ name: "a" }, { name: "b", models: ["sim-b*"], limits: [{ requests: 1, windowMs: 60_000 }] });
    const environment = { GATEWAY_KEYS_FILE: keysFile, GATEWAY_RATE_LIMIT: "3/60s" };
    await inFrontOf(environment, async (gateway, provider) => {
      const [a, b, c] = ["key-of-a", "key-of-b", "key-of-c"].map(bearer);
      assert.deepEqual(await statuses(gateway, [a, a, a, a, b, c, {}]), [200, 200, 200, 429, 403, 401, 401]);
      const own = await ask(gateway, { model: "sim-b1" }, b);
      assert.deepEqual([own.status, own.headers.get("x-ratelimit-limit")], [200, "1"]);
      assert.equal((await ask(gateway, { model: "sim-b1" }, b)).status, 429);
      assert.equal(provider.calls.length, 4);

      writeKeys({ name: "a", disabled: true }, { name: "c" });
      const soon = { interval: 100, timeout: 10_000 };
      await t.waitFor(async () => assert.equal((await ask(gateway, { n: 0 }, c)).status, 400), soon);
      assert.deepEqual(await statuses(gateway, [a, b, c]), [401, 401, 200]);
      writeFileSync(keysFile, '{ "keys": [{ "name": "a" }] }');
      await gateway.printed(/"level":50,.*keys\[0\]\.sha256/);
      assert.deepEqual(await statuses(gateway, [a, c]), [401, 200]);
    });
  });

  test("GATEWAY_RATE_LIMIT and GATEWAY_TOKEN_LIMIT hold for each caller with each model", async () => {
    const limits = { GATEWAY_RATE_LIMIT: "100/1d, 2/60s", GATEWAY_TOKEN_LIMIT: "5000/1m" };
    await inFrontOf({ ...limits, GATEWAY_KEYS: "a=key-of-a,b=key-of-b" }, async (gateway, provider) => {
      const [a, b] = ["key-of-a", "key-of-b"].map(bearer);
      assert.deepEqual(await statuses(gateway, [a, a, a, b]), [200, 200, 429, 200]);
      const other = await ask(gateway, { model: "other" }, a);
      assert.equal(other.status, 200);
      const told = ["limit-requests", "remaining-requests", "limit-tokens"].map((name) => `x-ratelimit-${name}`);
      assert.deepEqual(
        told.map((name) => other.headers.get(name)),
        ["2", "1", "5000"],
      );
      const large = await ask(gateway, { model: "other", max_tokens: 5000 }, a);
      assert.deepEqual([large.status, await codeOf(large)], [429, "llm.rate_limit.tokens"]);
      assert.equal(provider.calls.length, 4);
    });
  });

  test("GATEWAY_LIMIT_MODE lets calls pass, and logs which it would not", async () => {
    for (const mode of ["dry-run", "off"]) {
      await inFrontOf({ GATEWAY_RATE_LIMIT: "1/60s", GATEWAY_LIMIT_MODE: mode }, async (gateway) => {
        for (const id of ["first", "second"]) {
          const answer = await ask(gateway, {}, { "x-request-id": id });
          assert.equal(answer.status, 200);
          assert.equal(answer.headers.get("x-ratelimit-limit"), null);
        }
        if (mode === "dry-run") await gateway.printed(/"level":40,.*"request_id":"second".*"msg":"limit"/);
        assert.equal(gateway.stdout.match(/"msg":"limit"/g)?.length, mode === "dry-run" ? 1 : undefined);
      });
    }
  });

  test("GATEWAY_TRUSTED_PROXIES says whose word on the caller's address is taken", async () => {
    const addresses = ["203.0.113.1", "203.0.113.2", "1.2.3.4, 203.0.113.2"].map((line) => ({
      "x-forwarded-for": line,
    }));
    for (const [proxies, expected] of [
      ["127.0.0.1, 10.0.0.0/8", [200, 200, 429]],
      ["10.0.0.0/8", [200, 429, 429]],
    ] as const) {
      await inFrontOf({ GATEWAY_RATE_LIMIT: "1/60s", GATEWAY_TRUSTED_PROXIES: proxies }, async (gateway) => {
        assert.deepEqual(await statuses(gateway, addresses), expected);
      });
    }
  });

  test("GATEWAY_REPLICAS and GATEWAY_REDIS_DOWN say what holds without the Redis of REDIS_URL", async () => {
    const shared = {
      REDIS_URL: "redis://me:hush-0123456789@127.0.0.1:1",
      GATEWAY_RATE_LIMIT: "8/60s",
      GATEWAY_REPLICAS: "4",
      LOG_LEVEL: "trace",
    };
    const expected = { local: [200, 200, 429, 429], allow: [200, 200, 200, 200], refuse: [503, 503, 503, 503] };
    for (const [how, all] of Object.entries(expected)) {
      await inFrontOf({ ...shared, GATEWAY_REDIS_DOWN: how }, async (gateway) => {
        assert.deepEqual(await statuses(gateway, [{}, {}, {}, {}]), all, how);
        assert.match(gateway.stdout, /^ {2}counted {4}on Redis/m);
        await gateway.printed(/"level":40,.*"state":"down".*"msg":"redis"/);
        assert.doesNotMatch(gateway.stdout + gateway.stderr, /hush/);
      });
    }
  });
});
