import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, suite, test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { auth, type Code, compose, type Gateway, gateway, toNode } from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import express from "express";
import { listen } from "./listen.ts";
import { exchange, type RawAnswer, type RawRequest, refusal, startUpstream } from "./raw-http.ts";

// Bad inputs 23 to 42 and 47 to 59, sent byte for byte to a gateway on a real port with a provider on another. Each row
// says what is wrong, and for each of them the same holds: the caller is told so as JSON, the provider hears nothing, and
// the next good call is answered. `bad-input-size.test.ts` has those about size and time.

/** A bad input, and how it is refused. */
interface Refused {
  readonly row: number;
  readonly name: string;
  readonly request: RawRequest;
  /** Default 400. */
  readonly status?: keyof typeof CODES;
  /** Default the usual code of the status. */
  readonly code?: Code;
  readonly param?: string | null;
  /** What the message must say. */
  readonly says?: RegExp;
  readonly allow?: string;
  /** The path is not the gateway's: in a host app the host answers. */
  readonly fallsThrough?: boolean;
}

/** The valid neighbour of a bad input, and what the provider must get of it. */
interface Accepted {
  readonly row: number;
  readonly name: string;
  readonly request: RawRequest;
  readonly forwarded?: (text: string) => void;
}

const CODES = {
  400: "llm.request.invalid",
  404: "llm.request.not_found",
  405: "llm.request.method_not_allowed",
  415: "llm.request.unsupported_media_type",
} as const satisfies Record<number, Code>;

/** In every bad body, and in no answer. */
const MARKER = "zq7-marker";

const upstream = await startUpstream({
  object: "chat.completion",
  choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
});
/** A host that inputs point at; nobody may ever call it. */
const decoy = await startUpstream({});
after(() => Promise.all([upstream.close(), decoy.close()]));

function chat(fields: object = {}): string {
  return JSON.stringify({ model: "m", user: MARKER, messages: [{ role: "user", content: MARKER }], ...fields });
}
/** A valid body with one more member, as text: for what `JSON.stringify` would not write. */
const chatWith = (member: string): RawRequest => ({ body: `${chat().slice(0, -1)},${member}}` });
const fields = (others: object): RawRequest => ({ body: chat(others) });
const message = (one: object): RawRequest => fields({ messages: [one] });
const content = (value: unknown): RawRequest => message({ role: "user", content: value });
const at = (path: string, method = "POST"): RawRequest => ({ method, path, body: chat() });
const typed = (...types: string[]): RawRequest => ({
  headers: types.map((type) => `content-type: ${type}`),
  body: chat(),
});
const encoded = (encodings: string[], body: string | Uint8Array): RawRequest => ({
  headers: ["content-type: application/json", ...encodings.map((encoding) => `content-encoding: ${encoding}`)],
  body,
});
/** One row for each of some values that are refused alike. */
const each = <T>(values: readonly T[], rowOf: (value: T) => Refused): Refused[] => values.map(rowOf);

const tool = (parameters: object): object => ({ type: "function", function: { name: "f", parameters } });
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const repeated = <T>(length: number, value: T): T[] => Array.from({ length }, () => value);
const schemaOf1MB = { type: "object", description: "x".repeat(1024 * 1024) };
const chunked = ["content-type: application/json", "transfer-encoding: chunked"];
const noPath = { status: 404, fallsThrough: true } as const;
const noMethod = { status: 405, allow: "POST" } as const;

// biome-ignore format: a table reads best with a row a line
const refused: readonly Refused[] = [
  { row: 23, name: "%00 in the path", request: at("/v1/chat%00/completions"), ...noPath },
  { row: 23, name: "%zz in the path", request: at("/v1/%zz"), ...noPath },
  { row: 23, name: "%zz behind the path", request: at("/v1/chat/completions%zz"), ...noPath },
  { row: 23, name: "an escaped slash", request: at("/v1/chat%2Fcompletions"), ...noPath },
  { row: 23, name: "two slashes in front", request: at("//v1/chat/completions"), ...noPath },
  { row: 23, name: "two slashes within", request: at("/v1//chat/completions"), ...noPath },
  { row: 23, name: "../ in the path", request: at("/v1/../v1/chat/completions"), ...noPath },
  { row: 23, name: "../ behind the path", request: at("/v1/chat/completions/../completions"), ...noPath },
  { row: 23, name: "%zz as a model", request: at("/v1/models/%zz", "GET"), status: 404, code: "llm.model.not_found" },
  { row: 24, name: "capitals", request: at("/v1/Chat/Completions"), ...noPath },
  { row: 24, name: "a slash behind", request: at("/v1/chat/completions/"), ...noPath },
  ...each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS"], (method) => ({ row: 25, name: method, request: at("/v1/chat/completions", method), ...noMethod })),
  { row: 25, name: "POST to the models", request: at("/v1/models"), status: 405, allow: "GET, HEAD" },
  { row: 26, name: "no Content-Type", request: typed(), status: 415 },
  ...each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"], (type) => ({ row: 27, name: type, request: typed(type), status: 415 })),
  { row: 28, name: "a broken Content-Type", request: typed("application/json;;;="), status: 415 },
  { row: 29, name: "UTF-7", request: typed("application/json; charset=utf-7"), status: 415 },
  { row: 30, name: "Latin-1", request: typed("application/json; charset=latin1"), status: 415 },
  { row: 31, name: "UTF-16", request: { body: Buffer.from(chat(), "utf16le") }, param: null },
  { row: 31, name: "UTF-16 with its mark", request: { body: Buffer.from(`\uFEFF${chat()}`, "utf16le") }, param: null },
  { row: 31, name: "UTF-16 that says so", request: typed("application/json; charset=utf-16"), status: 415 },
  { row: 33, name: "invalid UTF-8", request: { body: Buffer.from(chat({ user: "\xFF\xC3(" }), "latin1") }, param: null },
  { row: 33, name: "a surrogate in UTF-8", request: { body: Buffer.from(chat({ user: "\xED\xA0\x80" }), "latin1") }, param: null },
  { row: 34, name: "an empty body", request: { body: "" }, param: null, says: /empty/ },
  { row: 34, name: "an empty body in chunks", request: { headers: chunked, body: "0\r\n\r\n" }, param: null, says: /empty/ },
  { row: 34, name: "only white space", request: { body: " \r\n\t" }, param: null },
  ...each(["null", `"${MARKER}"`, `["${MARKER}"]`, "7", "9007199254740993", "true"], (body) => ({ row: 35, name: `the body ${body}`, request: { body }, param: null })),
  { row: 36, name: "unfinished JSON", request: { body: chat().slice(0, -3) }, param: null },
  { row: 36, name: "a value behind the first", request: { body: `${chat()} {}` }, param: null },
  { row: 36, name: "a key that is too long to repeat", request: fields({ logit_bias: { [`${"x".repeat(1000)}${MARKER}`]: "x" } }) },
  { row: 38, name: "nested 101 deep", request: chatWith(`"x":${nested(100)}`), param: null, says: /nested/ },
  { row: 38, name: "nested 5,000 deep", request: chatWith(`"x":${nested(5000)}`), param: null, says: /nested/ },
  { row: 38, name: "nested 100,000 deep", request: chatWith(`"x":${nested(100_000)}`), param: null, says: /nested/ },
  { row: 38, name: "nested 100,000 deep and unfinished", request: { body: '{"a":'.repeat(100_000) }, param: null, says: /nested/ },
  { row: 39, name: "100,000 keys", request: fields({ x: Object.fromEntries(repeated(100_000, 0).map((zero, at) => [at, zero])) }), param: null, says: /values/ },
  { row: 39, name: "an array of a million", request: fields({ x: repeated(1_000_000, 0) }), param: null, says: /values/ },
  { row: 40, name: "__proto__", request: chatWith('"__proto__":{"polluted":1}'), param: null },
  { row: 40, name: "__proto__ in escapes, far inside", request: chatWith('"x":[{"__pro\\u0074o__":{"polluted":1}}]'), param: null },
  { row: 40, name: "__proto__ beside a large number", request: chatWith('"x":1e400,"__proto__":{"polluted":1}'), param: null },
  { row: 40, name: "constructor.prototype", request: chatWith('"constructor":{"prototype":{"polluted":1}}'), param: null },
  ...each(["1e400", "-1e400", "9007199254740993", "-0"], (number) => ({ row: 41, name: `max_tokens ${number}`, request: chatWith(`"max_tokens":${number}`), param: "max_tokens" })),
  { row: 41, name: "seed 9007199254740993", request: chatWith('"seed":9007199254740993'), param: "seed" },
  { row: 41, name: "temperature 1e400", request: chatWith('"temperature":1e400'), param: "temperature" },
  { row: 41, name: "logit_bias 1e400", request: chatWith('"logit_bias":{"1":1e400}'), param: "logit_bias.1" },
  { row: 41, name: "stream_options 1e400", request: chatWith('"stream":true,"stream_options":1e400'), param: "stream_options" },
  { row: 47, name: "gzip, gzip", request: encoded(["gzip, gzip"], gzipSync(gzipSync(chat()))), status: 415 },
  { row: 47, name: "gzip in two headers", request: encoded(["gzip", "gzip"], gzipSync(gzipSync(chat()))), status: 415 },
  { row: 47, name: "an unknown encoding", request: encoded(["constructor"], chat()), status: 415 },
  { row: 48, name: "truncated gzip", request: encoded(["gzip"], gzipSync(chat()).subarray(0, -5)), param: null },
  ...each(["gzip", "deflate", "br", "zstd"], (name) => ({ row: 48, name: `bad ${name}`, request: encoded([name], chat()), param: null })),
  { row: 50, name: "no messages", request: fields({ messages: undefined }), param: "messages" },
  { row: 50, name: "messages null", request: fields({ messages: null }), param: "messages" },
  { row: 50, name: "messages a string", request: fields({ messages: MARKER }), param: "messages" },
  { row: 50, name: "messages []", request: fields({ messages: [] }), param: "messages" },
  { row: 50, name: "10,000 messages", request: fields({ messages: repeated(10_000, { role: "user", content: "x" }) }), param: "messages" },
  { row: 50, name: "a message that is a string", request: fields({ messages: [MARKER] }), param: "messages[0]" },
  { row: 51, name: "content null", request: content(null), param: "messages[0].content" },
  { row: 51, name: "no content", request: content(undefined), param: "messages[0].content" },
  { row: 51, name: "content a number", request: content(7), param: "messages[0].content" },
  { row: 51, name: "content a large number", request: chatWith('"messages":[{"role":"user","content":9007199254740993}]'), param: "messages[0].content" },
  { row: 51, name: "content []", request: content([]), param: "messages[0].content" },
  { row: 51, name: "a part that is a string", request: content([MARKER]), param: "messages[0].content[0]" },
  { row: 51, name: "nested arrays", request: content([[{ type: "text", text: MARKER }]]), param: "messages[0].content[0]" },
  { row: 51, name: "a part without a type", request: content([{ text: MARKER }]), param: "messages[0].content[0].type" },
  { row: 52, name: "an unknown role", request: message({ role: MARKER, content: "x" }), param: "messages[0].role" },
  { row: 52, name: "no role", request: message({ content: MARKER }), param: "messages[0].role" },
  ...each(["", "x".repeat(10_240), `${MARKER}/../m`, "..", `${MARKER}\r\nx-a: b`, `${MARKER}\0`, "%2e%2e", "a b", "m\n"], (model) => ({ row: 53, name: `model ${JSON.stringify(model).slice(0, 30)}`, request: fields({ model }), param: "model" })),
  { row: 53, name: "no model", request: fields({ model: undefined }), param: "model" },
  ...each(["yes", 1, "true", []], (stream) => ({ row: 54, name: `stream ${JSON.stringify(stream)}`, request: fields({ stream }), param: "stream" })),
  { row: 55, name: "n 1000", request: fields({ n: 1000 }), param: "n" },
  ...each([-1, 0, 1.5, "NaN", MARKER], (most) => ({ row: 55, name: `max_tokens ${most}`, request: fields({ max_tokens: most }), param: "max_tokens" })),
  { row: 55, name: "NaN as text", request: chatWith('"max_tokens":NaN'), param: null },
  ...each(["api_base", "base_url", "baseURL", "api_key", "custom_host", "extra_headers", "call"], (field) => ({ row: 56, name: field, request: fields({ [field]: decoy.url }), param: field })),
  { row: 57, name: "stream_options without stream", request: fields({ stream_options: { include_usage: true } }), param: "stream_options" },
  { row: 57, name: "stream_options with stream false", request: fields({ stream: false, stream_options: {} }), param: "stream_options" },
  { row: 58, name: "a tool with a schema of 1 MB", request: fields({ tools: [tool(schemaOf1MB)] }), param: "tools[0].function.parameters" },
  { row: 58, name: "an answer's schema of 1 MB", request: fields({ response_format: { type: "json_schema", json_schema: schemaOf1MB } }), param: "response_format.json_schema" },
];

/** Expects texts in what the provider gets. */
const holds = (...texts: string[]): ((forwarded: string) => void) => {
  return (forwarded) => {
    for (const text of texts) assert.ok(forwarded.includes(text), `${text} is not in ${forwarded.slice(0, 500)}`);
  };
};
const same = (text: string): void => assert.deepEqual(JSON.parse(text), JSON.parse(chat()));
const models = (text: string): void => assert.deepEqual(text.match(/"model":"\w+"/g), ['"model":"last"']);
const numbers = ["9007199254740993", "1e400", "-1E+400", "-0", "-0.0", "-1e-400", "12345678901234567890123"];
const cyclic = { $defs: { node: { properties: { next: { $ref: "#/$defs/node" } } } }, $ref: "#/$defs/node" };
const systems = ["a", "b"].map((text) => ({ role: "system", content: text }));
const metadata = "http://169.254.169.254/latest/meta-data/";
const images = [decoy.url, metadata].map((url) => ({ type: "image_url", image_url: { url } }));

// biome-ignore format: a table reads best with a row a line
const accepted: readonly Accepted[] = [
  { row: 28, name: "a charset in capitals and quotes", request: typed('Application/JSON ; charset="UTF-8"') },
  { row: 32, name: "a byte order mark", request: { body: `\uFEFF${chat()}` } },
  { row: 33, name: "UTF-8 of all lengths", request: content("é漢🎉"), forwarded: holds("é漢🎉") },
  { row: 37, name: "a key twice, of which the last wins", request: chatWith('"model":"last"'), forwarded: models },
  { row: 37, name: "a key twice beside a large number", request: chatWith('"x":1e400,"model":"last"'), forwarded: models },
  { row: 38, name: "nested 100 deep", request: chatWith(`"x":${nested(99)}`), forwarded: holds(nested(99)) },
  { row: 38, name: "brackets in a text", request: content(`${"[".repeat(5000)}"{`), forwarded: holds('[[[[\\"{') },
  { row: 39, name: "an array of 40,000", request: fields({ x: repeated(40_000, 0) }), forwarded: holds("0,0,0,0]") },
  { row: 40, name: "harmless names", request: chatWith('"x":{"constructor":"a","prototype":{},"toString":1}'), forwarded: holds('"x":{"constructor":"a","prototype":{},"toString":1}') },
  { row: 41, name: "numbers in an unknown field, as text", request: chatWith(`"x":[${numbers}]`), forwarded: holds(`"x":[${numbers}]`) },
  { row: 41, name: "numbers in an unknown part, as text", request: chatWith('"messages":[{"role":"user","content":[{"type":"a","b":-0}]}]'), forwarded: holds('"b":-0') },
  { row: 41, name: "a number too small, as text", request: chatWith('"x":1e-400'), forwarded: holds('"x":1e-400') },
  { row: 42, name: "a lone surrogate, escaped", request: chatWith('"x":"\\uD83C"'), forwarded: holds('"x":"\\ud83c"') },
  { row: 46, name: "gzip", request: encoded(["GZip"], gzipSync(chat())), forwarded: same },
  { row: 46, name: "deflate", request: encoded(["deflate"], deflateSync(chat())), forwarded: same },
  { row: 46, name: "br", request: encoded(["br"], brotliCompressSync(chat())), forwarded: same },
  { row: 46, name: "zstd", request: encoded(["zstd"], zstdCompressSync(chat())), forwarded: same },
  { row: 51, name: "an unknown part type", request: content([{ type: "hologram", x: [1] }]), forwarded: holds('{"type":"hologram","x":[1]}') },
  { row: 51, name: "an assistant without content", request: message({ role: "assistant", content: null, tool_calls: [{ id: "1" }] }), forwarded: holds('"content":null') },
  { row: 52, name: "several system messages", request: fields({ messages: systems }), forwarded: holds(JSON.stringify(systems)) },
  { row: 53, name: "a model with slashes and a colon", request: fields({ model: "a/b.c:d@e" }), forwarded: holds('"model":"a/b.c:d@e"') },
  { row: 54, name: "stream null", request: fields({ stream: null }) },
  { row: 55, name: "n 1 and max_tokens 1", request: fields({ n: 1, max_tokens: 1 }), forwarded: holds('"n":1', '"max_tokens":1') },
  { row: 57, name: "stream_options with stream", request: fields({ stream: true, stream_options: { x: 1 } }), forwarded: holds('"x":1') },
  { row: 58, name: "a schema with a cyclic $ref", request: fields({ tools: [tool(cyclic)] }), forwarded: holds(JSON.stringify(cyclic)) },
  { row: 59, name: "an image's URL, which nobody fetches", request: content(images), forwarded: holds(decoy.url, metadata) },
];

const hosts: Readonly<Record<string, (gateway: Gateway) => Server>> = {
  toNode: (gateway) => createServer(toNode(gateway)),
  "Express 5": (gateway) => {
    const app = express().use("/v1", toExpress(gateway));
    return createServer(app.use((_request, response) => void response.status(404).json({ host: "has no such path" })));
  },
};

for (const [host, mount] of Object.entries(hosts)) {
  suite(host, { timeout: 30_000 }, async () => {
    const pipeline = openai({ baseUrl: `${upstream.url}/v1` });
    const server = await listen(mount(gateway(pipeline)));
    after(() => server.close());

    /** Sends a request, and tells what the provider got of it. */
    const send = async (request: RawRequest): Promise<{ answer: RawAnswer; forwarded: readonly string[] }> => {
      const known = upstream.received.length;
      const answer = await exchange(server.port, request);
      return { answer, forwarded: upstream.received.slice(known) };
    };

    for (const { row, name, request, ...expected } of refused) {
      test(`bad input ${row}: ${name}`, async (t) => {
        const printed = [t.mock.method(console, "error"), t.mock.method(process.stderr, "write")];
        const { answer, forwarded } = await send(request);
        if (expected.fallsThrough && host !== "toNode") assert.equal(answer.body, '{"host":"has no such path"}');
        else assertRefused(answer, expected);
        assert.deepEqual([forwarded, decoy.received], [[], []], "a provider was called");
        assert.deepEqual(
          printed.flatMap(({ mock }) => mock.calls.map((call) => call.arguments)),
          [],
          "something was printed",
        );
        assert.equal(Reflect.get({}, "polluted"), undefined);
        const good = await send({ body: chat() });
        assert.equal(good.answer.status, 200, good.answer.text);
        assert.equal(good.forwarded.length, 1);
      });
    }

    for (const { row, name, request, forwarded: check } of accepted) {
      test(`bad input ${row}: ${name}, passes`, async () => {
        const { answer, forwarded } = await send(request);
        assert.equal(answer.status, 200, answer.text);
        assert.equal(forwarded.length, 1);
        check?.(forwarded[0] ?? "");
        assert.deepEqual(decoy.received, [], "another host was called");
      });
    }

    test("bad input 24: /V1 is no other way in", async (t) => {
      const guarded = compose([auth({ keys: [{ name: "a", key: "a key of the test" }] })], pipeline);
      const keyed = await listen(mount(gateway(guarded)));
      t.after(() => keyed.close());
      const known = upstream.received.length;
      // Express takes a mount point in any case: the same gateway, and the same auth.
      const expected = host === "toNode" ? 404 : 401;
      assert.equal((await exchange(keyed.port, at("/V1/chat/completions"))).status, expected);
      assert.equal((await exchange(keyed.port, at("/v1/chat/completions"))).status, 401);
      assert.equal(upstream.received.length, known);
    });

    test("bad input 25: HEAD", async () => {
      const answer = await server.fetch("/v1/chat/completions", { method: "HEAD" });
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get("allow"), "POST");
      assert.equal(await answer.text(), "");
    });
  });
}

function assertRefused(answer: RawAnswer, { status = 400, code, param, says, allow }: Partial<Refused>): void {
  assert.equal(answer.status, status, answer.text);
  const error = refusal(answer, MARKER);
  assert.equal(error.code, code ?? CODES[status], answer.text);
  if (says) assert.match(String(error.message), says);
  if (param !== undefined) assert.equal(error.param, param, answer.text);
  assert.equal(answer.headers.allow, allow);
}
