import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type RequestListener, request as send } from "node:http";
import { after, suite, test } from "node:test";
import { inspect } from "node:util";
import { auth, type Code, compose, type Gateway, gateway, type KeyRecord, toFetch, toNode } from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import { startSimulator } from "@gatewright/simulator";
import express from "express";
import OpenAI from "openai";
import { listen } from "./listen.ts";
import { exchange, type RawAnswer, type RawRequest, startUpstream } from "./raw-http.ts";

// Bad inputs 60 to 66: what is sent as a key. Whoever may not call is told so as JSON, the provider hears nothing, and of a
// key only its SHA-256 ever reaches the look-up.

const KEY = "key-of-team-a-0123456789";
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const keys = new Map(
  [
    { name: "team-a", key: KEY, models: ["m", "a-*"] },
    { name: "team-b", key: "key-of-team-b-0123456789" },
    { name: "revoked", key: "key-revoked-0123456789", disabled: true },
    { name: "expired", key: "key-expired-0123456789", expiresAt: "2020-01-01" },
    { name: "european", key: "key-european-0123456789", regions: ["eu"] },
  ].map(({ key, ...facts }): [string, KeyRecord] => [sha256(key), { ...facts, sha256: sha256(key) }]),
);

/** A call that is refused. */
interface Refused {
  readonly row: number;
  readonly name: string;
  /** The lines of its headers beside the content type. */
  readonly headers: readonly string[];
  readonly path?: string;
  readonly body?: object;
  /** Default 401. */
  readonly status?: number;
  /** Default `llm.auth.invalid_key`. */
  readonly code?: Code;
  /** The text whose SHA-256 is looked up; left out: nothing is looked up. */
  readonly asks?: string;
}

const missing = { code: "llm.auth.missing_key" } as const;
const noAccess = { status: 403, code: "llm.access.model_unavailable" } as const;
const two = (first: string, second: string): string[] => [`Authorization: ${first}`, `authorization: ${second}`];
const bearer = (text: string): string[] => [`authorization: Bearer ${text}`];
/** A row for a text that is sent as a key, and looked up. */
const wrong = (row: number, name: string, text: string): Refused => ({ row, name, headers: bearer(text), asks: text });
const inQuery = (name: string): Partial<Refused> => ({ path: `/v1/chat/completions?${name}=${KEY}`, ...missing });

// biome-ignore format: a table reads best with a row a line
const refused: readonly Refused[] = [
  { row: 60, name: "no Authorization", headers: [], ...missing },
  { row: 60, name: "an empty one", headers: ["authorization:"], ...missing },
  { row: 60, name: "keys where none is read", headers: [`cookie: key=${KEY}`, `api-key: ${KEY}`, `proxy-authorization: Bearer ${KEY}`], ...missing },
  { row: 61, name: "Bearer alone", headers: ["authorization: Bearer"], ...missing },
  { row: 61, name: "Bearer and spaces", headers: ["authorization: bearer \t  "], ...missing },
  { row: 61, name: "Basic", headers: [`authorization: Basic ${btoa(`${KEY}:`)}`], asks: `Basic ${btoa(`${KEY}:`)}` },
  { row: 61, name: "Basic and a valid key", headers: [`authorization: Basic ${KEY}`], asks: `Basic ${KEY}` },
  { row: 61, name: "two Authorization headers, of which the first is right", headers: two(`Bearer ${KEY}`, "Bearer x"), asks: `${KEY}, Bearer x` },
  { row: 61, name: "two Authorization headers, of which the second is right", headers: two("Bearer x", `Bearer ${KEY}`), asks: `x, Bearer ${KEY}` },
  { row: 61, name: "two Authorization headers that are the same", headers: two(`Bearer ${KEY}`, `Bearer ${KEY}`), asks: `${KEY}, Bearer ${KEY}` },
  { row: 61, name: "two X-API-Key headers", headers: [`x-api-key: ${KEY}`, `x-api-key: ${KEY}`], asks: `${KEY}, ${KEY}` },
  wrong(61, "a valid key and one more word", `${KEY} ${KEY}`),
  wrong(61, "Bearer twice", `Bearer ${KEY}`),
  wrong(61, "a valid key that is cut", KEY.slice(0, -1)),
  wrong(61, "a valid key in capitals", KEY.toUpperCase()),
  wrong(62, "512 characters", "k".repeat(512)),
  { row: 62, name: "513 characters, longer than any key", headers: bearer("k".repeat(513)) },
  { row: 62, name: "10 KB", headers: bearer("k".repeat(10_240)) },
  { row: 62, name: "non-ASCII", headers: bearer("ключ-🔑"), asks: Buffer.from("ключ-🔑").toString("latin1") },
  { row: 62, name: "a soft hyphen behind a valid key", headers: bearer(`${KEY}\u00AD`), asks: Buffer.from(`${KEY}\u00AD`).toString("latin1") },
  ...["' OR 1=1", "' OR '1'='1' --", "*", "%", '{"$ne":null}', "__proto__", "constructor", "../../keys", "eyJhbGciOiJub25lIn0.e30."].map((text) => wrong(62, text, text)),
  wrong(63, "the hash of a valid key", sha256(KEY)),
  wrong(63, "the hash of a valid key in capitals", sha256(KEY).toUpperCase()),
  wrong(63, "the hash of a valid key in base64", Buffer.from(sha256(KEY), "hex").toString("base64")),
  wrong(64, "a revoked key", "key-revoked-0123456789"),
  wrong(64, "an expired key", "key-expired-0123456789"),
  { ...wrong(64, "a model of another tenant", KEY), body: { model: "b-large" }, ...noAccess },
  { row: 64, name: "a model of another tenant among the fallbacks", headers: bearer(KEY), body: { fallbacks: [{ model: "a-1" }, { model: "b-large" }] }, ...noAccess },
  { row: 64, name: "a model that begins like one's own", headers: bearer(KEY), body: { model: "mm" }, ...noAccess },
  { ...wrong(64, "another region", "key-european-0123456789"), ...noAccess },
  ...["key", "api_key", "access_token", "x-api-key", "authorization"].map((name) => ({ row: 65, name: `a valid key as ${name} in the query`, headers: [], ...inQuery(name) })),
  { ...inQuery("key"), row: 65, name: "a valid key in the query beside a wrong one in a header", headers: bearer("a wrong one"), code: "llm.auth.invalid_key", asks: "a wrong one" },
  { row: 66, name: "two headers that differ", headers: [...bearer(KEY), "x-api-key: key-of-team-b-0123456789"], status: 400, code: "llm.request.invalid" },
  { row: 66, name: "Basic beside a valid X-API-Key", headers: ["authorization: Basic eDp5", `x-api-key: ${KEY}`], status: 400, code: "llm.request.invalid" },
];

/** What is as good as a plain `Authorization: Bearer KEY`. */
const accepted: Readonly<Record<string, readonly string[]>> = {
  // White space around a value is no part of it: RFC 9110, section 5.5.
  "61: a valid key and trailing spaces": bearer(`${KEY}  \t `),
  "61: a valid key without a scheme": [`authorization: ${KEY}`],
  "61: an empty Authorization beside X-API-Key": ["authorization:", `x-api-key: ${KEY}`],
  "66: two headers with one key": [...bearer(KEY), `x-api-key: ${KEY}`],
};

const upstream = await startUpstream({
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
});
after(() => upstream.close());
const provider = openai({ baseUrl: `${upstream.url}/v1` });

/** A gateway that asks for keys, what its look-up was asked, and what its operator was told. */
function guarded(): { readonly api: Gateway; readonly asked: string[]; readonly told: string[] } {
  const asked: string[] = [];
  const told: string[] = [];
  const check = auth({
    keys: async (hash) => {
      asked.push(hash);
      return keys.get(hash);
    },
  });
  const api = gateway(compose([check], provider), {
    admit: check.check,
    models: async (call) => {
      await check.check(call);
      return ["m"];
    },
    onError: (...all) => told.push(inspect(all, { depth: 9, showHidden: true })),
  });
  return { api, asked, told };
}

const hosts: Readonly<Record<string, (gateway: Gateway) => RequestListener>> = {
  toNode,
  "Express 5": (gateway) => express().use("/v1", toExpress(gateway)),
};

const good = { model: "m", messages: [{ role: "user", content: "Hi" }] };

function request({ headers, path, body }: Partial<Refused>): RawRequest {
  const all = ["content-type: application/json", ...(headers ?? bearer(KEY))];
  return { ...(path && { path }), headers: all, body: JSON.stringify({ ...good, ...body }) };
}

for (const [host, mount] of Object.entries(hosts)) {
  suite(host, { timeout: 30_000 }, async () => {
    const { api, asked, told } = guarded();
    const server = await listen(createServer(mount(api)));
    after(() => server.close());
    const passes = async (headers?: readonly string[]): Promise<void> => {
      const known = upstream.received.length;
      const answer = await exchange(server.port, request({ ...(headers && { headers }) }));
      assert.equal(answer.status, 200, answer.text);
      assert.equal(upstream.received.length, known + 1);
    };

    const looked = new Set<string>();
    for (const row of refused) {
      test(`bad input ${row.row}: ${row.name}`, async () => {
        const known = upstream.received.length;
        asked.length = told.length = 0;
        const answer = await exchange(server.port, request(row));
        assertRefused(answer, row);
        // What was asked for before is known, or known to be wrong.
        const isNew = row.asks !== undefined && !looked.has(row.asks);
        assert.deepEqual(asked, isNew ? [sha256(row.asks ?? "")] : [], "what was looked up");
        if (row.asks !== undefined) looked.add(row.asks);
        if (row.row === 65) assert.ok(!answer.text.includes(KEY) && !told.join().includes(KEY), "the key is shown");
        assert.equal(told.length, 1);
        assert.equal(upstream.received.length, known, "the provider was called");
        looked.add(KEY);
        await passes();
      });
    }

    for (const [name, headers] of Object.entries(accepted)) test(`bad input ${name}, passes`, () => passes(headers));

    test("bad input 60 and 65: the models are as closed", async () => {
      for (const path of ["/v1/models", "/v1/models/m", `/v1/models?key=${KEY}`]) {
        assertRefused(await exchange(server.port, { method: "GET", path, headers: [] }), missing);
        assert.equal((await exchange(server.port, { method: "GET", path, headers: bearer(KEY) })).status, 200);
      }
    });

    test("bad input 62: 1 MB is too much for the server, and for the gateway where the server takes it", async (t) => {
      asked.length = 0;
      const authorization = `Bearer ${"k".repeat(1024 * 1024)}`;
      assert.equal(await statusOf(server.port, authorization), 431);
      const patient = await listen(createServer({ maxHeaderSize: 4 * 1024 * 1024 }, mount(api)));
      t.after(patient.close);
      assert.equal(await statusOf(patient.port, authorization), 401);
      const init = { method: "POST", headers: { authorization }, body: JSON.stringify(good) };
      assert.equal((await toFetch(api)("http://gateway/v1/chat/completions", init)).status, 401);
      assert.deepEqual(asked, []);
      await passes();
    });
  });
}

suite("through OpenAI's SDK", { timeout: 30_000 }, async () => {
  const simulator = await startSimulator({ apiKey: "the-key-of-the-provider" });
  after(() => simulator.close());
  const start = async (apiKey: string): Promise<string> => {
    const check = auth({ keys: (hash) => keys.get(hash) });
    const behind = openai({ baseUrl: simulator.url, apiKey });
    const server = await listen(createServer(toNode(gateway(compose([check], behind), { admit: check.check }))));
    after(() => server.close());
    return `${server.url}/v1`;
  };
  const [known, unknown] = [await start("the-key-of-the-provider"), await start("a-key-that-it-does-not-know")];
  const failure = async (baseURL: string, apiKey: string, model = "m"): Promise<unknown> => {
    const { completions } = new OpenAI({ baseURL, apiKey, maxRetries: 0 }).chat;
    return completions.create({ model, messages: [{ role: "user", content: "Hi" }] }).then(
      () => assert.fail("it passed"),
      (error: unknown) => error,
    );
  };
  const is = (error: unknown, kind: abstract new (...args: never[]) => Error, status: number, code: Code): void => {
    assert.ok(error instanceof kind && error instanceof OpenAI.APIError, inspect(error));
    assert.deepEqual([error.status, error.code], [status, code]);
  };

  test("each refusal is the error that its status has, and the provider's refusal of the gateway is another", async () => {
    is(await failure(known, "a wrong one"), OpenAI.AuthenticationError, 401, "llm.auth.invalid_key");
    is(await failure(known, KEY, "b-large"), OpenAI.PermissionDeniedError, 403, "llm.access.model_unavailable");
    assert.deepEqual(simulator.calls, []);
    is(await failure(unknown, KEY), OpenAI.InternalServerError, 502, "llm.provider.auth");
    assert.equal(simulator.calls.length, 1);
  });
});

function assertRefused(answer: RawAnswer, { status = 401, code = "llm.auth.invalid_key" }: Partial<Refused>): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers["www-authenticate"], status === 401 ? "Bearer" : undefined);
  assert.match(answer.headers["content-type"] ?? "", /^application\/json\b/);
  assert.doesNotMatch(answer.text, /<html|key-of|\.ts:\d/i);
  // The openai envelope, each field of which is looked at here.
  const { error, request_id } = JSON.parse(answer.body) as { error: { code: Code }; request_id: string };
  assert.deepEqual([error.code, request_id], [code, answer.headers["x-request-id"]]);
}

/** The status that a client is told which sends all of its headers before it listens. */
function statusOf(port: number, authorization: string): Promise<number | undefined> {
  const headers = { "content-type": "application/json", authorization };
  return new Promise((resolve, reject) => {
    const call = send({ port, method: "POST", path: "/v1/chat/completions", headers, agent: false }, (answer) => {
      resolve(answer.statusCode);
      answer.resume();
    });
    call.on("error", reject).end(JSON.stringify(good));
  });
}
