import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { runExample, startExample } from "./gateway-process.ts";

/** Values with which the example must not start. */
const unusable: Readonly<Record<string, readonly string[]>> = {
  GATEWAY_KEYS_FILE: ["", "nowhere/keys.json", ".", "package.json"],
  GATEWAY_RATE_LIMIT: [
    "30",
    "30/60",
    "0/60s",
    "30/60s,",
    "30/60s,10/1m",
    "-1/60s",
    "1.5/60s",
    "2/0s",
    "30 per minute",
    "1/400d",
  ],
  GATEWAY_TOKEN_LIMIT: ["1k/60s", "5/1w", "1/400d"],
  GATEWAY_LIMIT_MODE: ["dry"],
  GATEWAY_TRUSTED_PROXIES: ["10.0.0.0/33", "proxy.test", "0.0.0.0/0", "loopback,"],
  GATEWAY_REPLICAS: ["0", "many"],
  GATEWAY_REDIS_DOWN: ["panic"],
  REDIS_URL: [
    "127.0.0.1:6379",
    "http://localhost",
    "redis://",
    "redis://me:hush@localhost:99999",
    "redis://me:hush@localhost/x",
  ],
};

suite("The gateway example does not start with", { timeout: 60_000, concurrency: 2 }, () => {
  const refuses = async (environment: Readonly<Record<string, string>>, name: string): Promise<void> => {
    const { code, stdout, stderr } = await runExample("gateway", { PORT: "0", ...environment });
    assert.doesNotMatch(stderr, /hush/, "a secret is shown");
    assert.equal(stdout, "");
    // The variable, and what is wrong with it or to be done.
    assert.match(stderr, new RegExp(`^The gateway cannot start\\.\\n(.*\\n)*${name}: \\S.{10}`));
    assert.doesNotMatch(stderr, /^ +at /m);
    assert.equal(code, 1);
  };
  for (const [name, values] of Object.entries(unusable)) {
    for (const value of values) test(`${name}=${value}`, () => refuses({ [name]: value }, name));
  }
  test("both kinds of keys", () =>
    refuses({ GATEWAY_KEYS: "a=b", GATEWAY_KEYS_FILE: "package.json" }, "GATEWAY_KEYS_FILE"));
});

test("The gateway example logs no key, however it is sent", { timeout: 30_000 }, async () => {
  const [right, wrong] = ["key-of-the-shop-0123456789", "a-wrong-key-0123456789"];
  const example = await startExample("gateway", { GATEWAY_KEYS: `shop=${right}`, LOG_LEVEL: "trace" });
  const body = JSON.stringify({ model: "sim", messages: [{ role: "user", content: "Hello" }] });
  try {
    for (const [key, query] of [
      ["", `?key=${right}`],
      [wrong, ""],
      [right, ""],
      [right, `?key=${right}`],
    ]) {
      const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
      await fetch(`${example.url}/chat/completions${query}`, { method: "POST", headers, body });
      await fetch(`${example.url}/nothing${query}`, { method: "POST", headers, body });
      await fetch(`${example.url}/models${query}`, { headers });
    }
  } finally {
    await example.close();
  }
  // All but the two lists of models that were given.
  assert.equal(example.stdout.match(/"request_id"/g)?.length, 10);
  for (const key of [right, wrong]) assert.ok(!(example.stdout + example.stderr).includes(key), "a key is logged");
});
