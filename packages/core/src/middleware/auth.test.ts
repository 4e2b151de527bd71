import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { caller } from "../caller.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import { gateway } from "../gateway.ts";
import type { HttpReply } from "../http.ts";
import type { Handler } from "../index.ts";
import type { KeyHeader } from "../keys/header.ts";
import type { KeyRecord } from "../keys/record.ts";
import { chat, scripted } from "../testing.ts";
import { type AuthOptions, auth } from "./auth.ts";

const KEY = "key-of-team-a-0123456789";
const OTHER = "key-of-team-b-0123456789";
const keys = [
  { name: "team-a", key: KEY },
  { name: "team-b", key: OTHER },
];

const ACCEPTED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a bearer token": { authorization: `Bearer ${KEY}` },
  "a bearer token in another case": { authorization: `bEARER   ${KEY}` },
  "a bearer token with spaces behind it": { authorization: `Bearer ${KEY}  ` },
  "a raw Authorization header": { authorization: KEY },
  "an X-API-Key header": { "x-api-key": KEY },
  "both headers with one key": { authorization: `Bearer ${KEY}`, "x-api-key": KEY },
  "an empty Authorization header beside X-API-Key": { authorization: "", "x-api-key": KEY },
};

for (const [what, headers] of Object.entries(ACCEPTED)) {
  test(`${what} is taken, and names the caller`, async () => {
    const handler = scripted("Hello");
    const request = chat("Hi", { headers });
    await compose([auth({ keys })], handler)(request);
    assert.deepEqual(request.call.context.get(caller), { name: "team-a" });
    assert.equal(handler.requests[0], request);
  });
}

const MISSING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no header": {},
  "an empty header": { authorization: "", "x-api-key": "" },
  "spaces alone": { authorization: "   ", "x-api-key": " " },
  "Bearer alone": { authorization: "Bearer" },
  "Bearer and spaces": { authorization: "Bearer   " },
  "a scheme that begins like another": { authorization: " bearer" },
  "a key under another name": { "api-key": KEY, cookie: KEY, "x-forwarded-authorization": KEY },
};

for (const [what, headers] of Object.entries(MISSING)) {
  test(`${what} is a missing key`, () => refused(headers, "llm.auth.missing_key"));
}

const WRONG: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "another key": { authorization: "Bearer key-of-nobody-0123456789" },
  "a key that is cut": { authorization: `Bearer ${KEY.slice(0, -1)}` },
  "a key with more behind it": { authorization: `Bearer ${KEY}x` },
  "a key in another case": { authorization: `Bearer ${KEY.toUpperCase()}` },
  "a key with another scheme": { authorization: `Basic ${KEY}` },
  "a key that begins twice": { authorization: `Bearer Bearer ${KEY}` },
  "two Authorization headers, joined": { authorization: `Bearer ${KEY}, Bearer ${KEY}` },
  "two X-API-Key headers, joined": { "x-api-key": `${KEY}, ${KEY}` },
  "a caller's name": { "x-api-key": "team-a" },
  "the hash of a key": { "x-api-key": createHash("sha256").update(KEY).digest("hex") },
  "the hash of a key in base64": { "x-api-key": createHash("sha256").update(KEY).digest("base64") },
  SQL: { authorization: "Bearer ' OR 1=1 --" },
  "a key of a megabyte": { "x-api-key": "x".repeat(1 << 20) },
  "what looks like a token, where none is taken": {
    authorization: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZWFtLWEifQ.",
  },
  "a key that is not ASCII": { "x-api-key": "schlüssel-des-teams-a" },
  "the name of a property": { "x-api-key": "__proto__" },
};

for (const [what, headers] of Object.entries(WRONG)) {
  test(`${what} is an invalid key, which is not repeated`, () => refused(headers, "llm.auth.invalid_key"));
}

test("different keys in two headers are a bad request, which names a header and no key", async () => {
  for (const other of [OTHER, "x"]) {
    const { call } = chat("Hi", { headers: { authorization: `Bearer ${KEY}`, "x-api-key": other } });
    await assert.rejects(auth({ keys }).check(call), (error) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, "llm.request.invalid");
      assert.equal(error.status, 400);
      assert.deepEqual(
        error.issues.map(({ path }) => path),
        ["X-API-Key"],
      );
      return !error.message.includes(KEY) && !error.message.includes(OTHER);
    });
  }
});

const WAYS: readonly KeyHeader[] = ["bearer", "raw", "x-api-key"];
const SENT: Readonly<Record<KeyHeader, Readonly<Record<string, string>>>> = {
  bearer: { authorization: `Bearer ${KEY}` },
  raw: { authorization: KEY },
  "x-api-key": { "x-api-key": KEY },
};

for (const accepted of WAYS) {
  test(`where only ${accepted} is accepted, nothing else is looked at`, async () => {
    const layer = auth({ keys, accept: [accepted] });
    for (const way of WAYS) {
      const check = layer.check(chat("Hi", { headers: SENT[way] }).call);
      if (way === accepted) await check;
      else await assert.rejects(check, { code: "llm.auth.missing_key" });
    }
  });
}

test("a header that is not accepted is in nobody's way", async () => {
  const headers = { authorization: "Basic c29tZTpwcm94eQ==", "x-api-key": KEY };
  await auth({ keys, accept: ["bearer", "x-api-key"] }).check(chat("Hi", { headers }).call);
});

test("a caller without a key is told how to send one", async () => {
  await assert.rejects(auth({ keys, accept: ["x-api-key"] }).check(chat().call), {
    code: "llm.auth.missing_key",
    message: "Send an API key: X-API-Key: KEY.",
  });
});

test("the two keys of two callers name two callers", async () => {
  const layer = auth({ keys });
  const request = chat("Hi", { headers: { "x-api-key": OTHER } });
  await layer.check(request.call);
  assert.deepEqual(request.call.context.get(caller), { name: "team-b" });
});

test("a key may be given as its hash, in any case", async () => {
  const sha256 = createHash("sha256").update(KEY).digest("hex").toUpperCase();
  const request = chat("Hi", { headers: { "x-api-key": KEY } });
  await auth({ keys: [{ name: "team-a", sha256 }] }).check(request.call);
  assert.deepEqual(request.call.context.get(caller), { name: "team-a" });
});

test("what a key's caller may do reaches later layers", async () => {
  const facts = {
    models: ["gpt-*"],
    regions: ["eu"],
    limits: [{ requests: 3, windowMs: 1000, per: ["caller", "model"] as const }],
    concurrency: 2,
    metadata: { team: "a" },
  };
  const request = chat("Hi", { headers: { "x-api-key": KEY } });
  await auth({ keys: [{ name: "team-a", key: KEY, ...facts }] }).check(request.call);
  assert.deepEqual(request.call.context.get(caller), { name: "team-a", ...facts });
});

test("without auth there is no caller", () => {
  assert.equal(chat().call.context.get(caller), undefined);
});

test("check lets a call pass, or rejects, without a handler and without this", async () => {
  const { check } = auth({ keys });
  assert.equal(await check(chat("Hi", { headers: { "x-api-key": KEY } }).call), undefined);
  await assert.rejects(check(chat().call), { code: "llm.auth.missing_key" });
});

test("what was checked before the pipeline is not looked up again, but by another auth", async () => {
  let lookups = 0;
  const record = { name: "team-a", sha256: createHash("sha256").update(KEY).digest("hex") };
  const lookup = (): KeyRecord => {
    lookups++;
    return record;
  };
  const layer = auth({ keys: lookup });
  const request = chat("Hi", { headers: { "x-api-key": KEY } });
  await layer.check(request.call);
  await compose([layer], scripted("Hello"))(request);
  assert.equal(lookups, 1);
  await assert.rejects(compose([auth({ keys: [{ name: "b", key: OTHER }] })], scripted())(request), {
    code: "llm.auth.invalid_key",
  });
});

test("a caller that a layer has taken away again does not pass", async () => {
  const layer = auth({ keys });
  const request = chat("Hi", { headers: { "x-api-key": KEY } });
  await layer.check(request.call);
  request.call.context.set(caller, undefined);
  await assert.rejects(compose([layer], scripted())(request), { code: "llm.auth.missing_key" });
});

test("a disabled key and one that has expired are refused, and told so", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.UTC(2027, 0, 30, 23, 59, 59, 999) });
  const layer = auth({
    keys: [
      { name: "a", key: KEY, expiresAt: "2027-01-31" },
      { name: "b", key: OTHER, disabled: true },
    ],
  });
  const check = (key: string): Promise<void> => layer.check(chat("Hi", { headers: { "x-api-key": key } }).call);
  await assert.rejects(check(OTHER), { code: "llm.auth.invalid_key", status: 401, message: /disabled/ });
  await check(KEY);
  t.mock.timers.tick(1);
  await assert.rejects(check(KEY), { code: "llm.auth.invalid_key", status: 401, message: /expired/ });
});

test("a model that a key may not use is refused by its name, before anything below", async () => {
  const layer = auth({ keys: [{ name: "a", key: KEY, models: ["gpt-*"] }] });
  const handler = scripted("Hello");
  const pipeline = compose([layer], handler);
  const headers = { "x-api-key": KEY };
  await pipeline(chat({ model: "gpt-5" }, { headers }));
  await assert.rejects(pipeline(chat({ model: "claude-5" }, { headers })), {
    code: "llm.access.model_unavailable",
    status: 403,
    message: /"claude-5"/,
  });
  assert.equal(handler.requests.length, 1);
});

test("the region of a call is that of the gateway, unless it names one", async () => {
  const keyed = [{ name: "a", key: KEY, regions: ["eu"] }];
  const headers = { "x-api-key": KEY };
  const pass = (body: object, region?: string): Promise<unknown> =>
    compose([auth({ keys: keyed, ...(region && { region }) })], scripted("Hello"))(chat(body, { headers }));
  await assert.rejects(pass({}), {
    code: "llm.access.model_unavailable",
    message: /"test-model" in the region "global"/,
  });
  await assert.rejects(pass({ model_region: "us" }, "eu"), { code: "llm.access.model_unavailable" });
  await pass({}, "eu");
  await pass({ model_region: "eu" });
});

test("allows tells what GET /models may show, and nothing where nobody was checked", async () => {
  const layer = auth({ keys: [{ name: "a", key: KEY, models: ["gpt-*"] }] });
  const { call } = chat("Hi", { headers: { "x-api-key": KEY } });
  const { allows, check } = layer;
  assert.equal(allows(call, "gpt-5"), false);
  await check(call);
  assert.equal(allows(call, "gpt-5"), true);
  assert.equal(allows(call, "claude-5"), false);
});

test("what comes from below is given back as it is", async () => {
  const headers = { "x-api-key": KEY };
  const busy = new GatewayError("llm.provider.overloaded", "busy");
  const pipeline: Handler = compose([auth({ keys })], scripted("Hello", busy));
  assert.equal((await collect(await pipeline(chat("Hi", { headers })))).choices[0]?.message.content, "Hello");
  await assert.rejects(pipeline(chat("Hi", { headers })), (error) => error === busy);
});

const TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln";

test("a bearer token goes to tokens, and its caller is one of a token", async () => {
  const seen: string[] = [];
  const tokens = async (token: string) => ({ name: `user ${seen.push(token)}`, kind: "key" as const, models: ["a"] });
  for (const layer of [auth({ tokens }), auth({ keys, tokens })]) {
    const { call } = chat("Hi", { headers: { authorization: `Bearer ${TOKEN}` } });
    await layer.check(call);
    assert.deepEqual(call.context.get(caller), { name: `user ${seen.length}`, kind: "token", models: ["a"] });
  }
  assert.deepEqual(seen, [TOKEN, TOKEN]);
});

test("what is no token, is too long for one, or is sent another way never reaches tokens", async () => {
  const layer = auth({ keys, tokens: () => assert.fail("it was asked") });
  const texts = ["eyJhbGciOiJFUzI1NiJ9", `${TOKEN}.x.y`, `eyJ.${"x".repeat(8200)}.x`, `${TOKEN} ${TOKEN}`];
  const sent = texts.map((text) => ({ authorization: `Bearer ${text}` }));
  for (const headers of [...sent, { authorization: TOKEN }, { "x-api-key": TOKEN }]) {
    await assert.rejects(layer.check(chat("Hi", { headers }).call), { code: "llm.auth.invalid_key" });
  }
  await layer.check(chat("Hi", { headers: { authorization: `Bearer ${KEY}` } }).call);
});

test("a token that is refused is refused, and a caller of one that cannot be used is nobody", async () => {
  const error = new GatewayError("llm.auth.invalid_key", "The token has expired.");
  const headers = { authorization: `Bearer ${TOKEN}` };
  const refuses = auth({ tokens: () => Promise.reject(error) });
  await assert.rejects(refuses.check(chat("Hi", { headers }).call), (thrown) => thrown === error);
  const { call } = chat("Hi", { headers });
  const broken = auth({ tokens: async () => ({ name: "" }) });
  await assert.rejects(broken.check(call), { name: "TypeError", message: /the caller of a token\.name/ });
  assert.equal(call.context.get(caller), undefined);
});

test("in front of a gateway, a call is refused before its body is read, and a good one looked up once", async () => {
  let lookups = 0;
  let read = 0;
  const layer = auth({
    keys: (sha256) => {
      lookups++;
      return sha256 === sha256Of(KEY) ? { name: "team-a", sha256, models: ["small"] } : undefined;
    },
  });
  const api = gateway(compose([layer], scripted("Hello", "Hello")), {
    admit: layer.check,
    models: async (call) => {
      await layer.check(call);
      return ["small", "large"].filter((model) => layer.allows(call, model));
    },
  });
  const handle = (method: string, path: string, key: string, model = "small"): Promise<HttpReply> => {
    const body = {
      read: async () => {
        read++;
        return Buffer.from(JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] }));
      },
    };
    const headers = { "x-api-key": key, "content-type": "application/json" };
    return api.handle({ method, path, headers, address: undefined, signal: new AbortController().signal, body });
  };
  assert.equal((await handle("POST", "/chat/completions", OTHER)).status, 401);
  assert.deepEqual([lookups, read], [1, 0]);
  assert.equal((await handle("POST", "/chat/completions", KEY)).status, 200);
  assert.deepEqual([lookups, read], [2, 1]);
  assert.equal((await handle("POST", "/chat/completions", KEY, "large")).status, 403);
  assert.equal((await handle("GET", "/models", OTHER)).status, 401);
  const listed = await handle("GET", "/models", KEY);
  assert.deepEqual(
    JSON.parse(String(listed.body)).data.map(({ id }: { id: string }) => id),
    ["small"],
  );
});

/** What a program in JavaScript may give. */
const BAD: readonly (readonly [unknown, RegExp])[] = [
  [{}, /^auth: keys must be a list of at least one key/],
  [{ keys: [] }, /^auth: keys must be a list of at least one key/],
  [{ keys: [{ name: "team-a", key: "" }] }, /^auth: keys\[0\]\.key must be/],
  [{ keys, accept: [] }, /^auth: accept must be/],
  [{ keys, accept: ["query"] }, /^auth: accept must be/],
  [{ keys, region: "" }, /^auth: region must be/],
  [{ keys, tokens: "jwt" }, /^auth: tokens must be a function/],
  [{ keys, tokens: async () => ({ name: "a" }), accept: ["raw"] }, /^auth: accept must hold bearer/],
  [{ keys, lookupTimeoutMs: 0 }, /^auth: lookupTimeoutMs must be/],
  [{ keys: () => undefined, cache: { maxEntries: 0 } }, /^auth: cache\.maxEntries must be/],
  [{ keys: [keys[0], { name: "team-c", key: KEY }] }, /^auth: keys\[1\] is a key that is given twice/],
  [{ keys: [keys[0], { name: "team-a", key: OTHER }] }, /^auth: keys\[1\]\.name is given twice/],
];

for (const [options, message] of BAD) {
  test(`at the start it is said: ${message.source}`, () => {
    // What the types forbid is what is tried.
    assert.throws(() => auth(options as AuthOptions), { name: "TypeError", message });
  });
}

function sha256Of(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

async function refused(headers: Readonly<Record<string, string>>, code: string): Promise<void> {
  const handler = scripted();
  const request = chat("Hi", { headers });
  const thrown: unknown = await compose(
    [auth({ keys })],
    handler,
  )(request).then(
    () => assert.fail("it passed"),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof GatewayError);
  assert.equal(thrown.code, code);
  assert.equal(thrown.status, 401);
  assert.equal(handler.requests.length, 0);
  assert.equal(request.call.context.get(caller), undefined);
  for (const value of Object.values(headers)) if (value.trim().length > 8) assert.ok(!thrown.message.includes(value));
}
