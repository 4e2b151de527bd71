import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { caller } from "../caller.ts";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { Handler } from "../index.ts";
import { chat, scripted } from "../testing.ts";
import { auth } from "./auth.ts";

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
  "two headers with different keys": { authorization: `Bearer ${KEY}`, "x-api-key": OTHER },
  "a good key beside a bad one": { authorization: `Bearer ${KEY}`, "x-api-key": "x" },
  "a caller's name": { "x-api-key": "team-a" },
  "the hash of a key": { "x-api-key": createHash("sha256").update(KEY).digest("hex") },
  "the hash of a key in base64": { "x-api-key": createHash("sha256").update(KEY).digest("base64") },
  SQL: { authorization: "Bearer ' OR 1=1 --" },
  "a key of a megabyte": { "x-api-key": "x".repeat(1 << 20) },
  "a key that is not ASCII": { "x-api-key": "schlüssel-des-teams-a" },
  "the name of a property": { "x-api-key": "__proto__" },
};

for (const [what, headers] of Object.entries(WRONG)) {
  test(`${what} is an invalid key, which is not repeated`, () => refused(headers, "llm.auth.invalid_key"));
}

test("the two keys of two callers name two callers", async () => {
  const layer = auth({ keys });
  const request = chat("Hi", { headers: { "x-api-key": OTHER } });
  layer.check(request.call);
  assert.deepEqual(request.call.context.get(caller), { name: "team-b" });
});

test("without auth there is no caller", () => {
  assert.equal(chat().call.context.get(caller), undefined);
});

test("check lets a call pass, or throws, without a handler", () => {
  const layer = auth({ keys });
  assert.equal(layer.check(chat("Hi", { headers: { "x-api-key": KEY } }).call), undefined);
  assert.throws(() => layer.check(chat().call), { code: "llm.auth.missing_key" });
});

test("what comes from below is given back as it is", async () => {
  const headers = { "x-api-key": KEY };
  const busy = new GatewayError("llm.provider.overloaded", "busy");
  const pipeline: Handler = compose([auth({ keys })], scripted("Hello", busy));
  assert.equal((await collect(await pipeline(chat("Hi", { headers })))).choices[0]?.message.content, "Hello");
  await assert.rejects(pipeline(chat("Hi", { headers })), (error) => error === busy);
});

test("no keys at all are refused at the start", () => {
  assert.throws(() => auth({ keys: [] }), { name: "TypeError", message: /keys/ });
});

test("an empty key is refused at the start, by its name", () => {
  assert.throws(() => auth({ keys: [{ name: "team-a", key: "" }] }), { name: "TypeError", message: /team-a/ });
});

test("one key or one name given twice is refused at the start", () => {
  const twice = [
    [keys[0], { name: "team-c", key: KEY }],
    [keys[0], { name: "team-a", key: OTHER }],
  ];
  for (const pair of twice) {
    const given = pair.filter((key) => key !== undefined);
    assert.throws(
      () => auth({ keys: given }),
      (error) => error instanceof TypeError && /twice/.test(error.message) && !error.message.includes(KEY),
    );
  }
});

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
