import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { GatewayError } from "@gatewright/core";
import { Dispatcher, errors } from "undici";
import { badResponse, bodyError, LASTING, send, type Target } from "./upstream.ts";

type Headers = Readonly<Record<string, string | string[]>>;
const never = new AbortController().signal;

test("of an answer's head, what is known is read, and nothing else", async () => {
  const headers = {
    "content-type": "Application/JSON; charset=UTF-8",
    "content-encoding": "GZIP",
    "x-request-id": "req_1",
    "retry-after": "2",
    "retry-after-ms": "1500",
    "x-should-retry": "false",
    "set-cookie": ["a", "b"],
    server: "x",
  };
  const { body: _, keep: __, ...head } = await send(targetOf(answering(418, headers)), never, "{}");
  assert.deepEqual(head, {
    status: 418,
    contentType: "application/json; charset=utf-8",
    contentEncoding: "gzip",
    requestId: "req_1",
    retry: { retryAfter: "2", retryAfterMs: "1500", shouldRetry: "false" },
  });
});

test("an answer without headers has none", async () => {
  const { body: _, keep: __, ...head } = await send(targetOf(answering(200, {})), never, "{}");
  assert.deepEqual(head, {
    status: 200,
    contentType: "",
    contentEncoding: "identity",
    requestId: undefined,
    retry: { retryAfter: undefined, retryAfterMs: undefined, shouldRetry: undefined },
  });
});

test("of a header that is sent twice, the first counts", async () => {
  const { retry, requestId } = await send(
    targetOf(answering(429, { "retry-after": ["2", "9"], "x-request-id": ["a", "b"] })),
    never,
    "{}",
  );
  assert.equal(retry.retryAfter, "2");
  assert.equal(requestId, "a");
});

test("a request id is text from elsewhere: cut, and without our secrets", async () => {
  const idOf = async (id: string, secrets: readonly string[] = []): Promise<string | undefined> =>
    (await send({ ...targetOf(answering(200, { "x-request-id": id })), secrets }, never, "{}")).requestId;
  assert.equal((await idOf("x".repeat(1000)))?.length, 128);
  assert.equal(await idOf("req_0123456789-abc"), "req_0123456789-abc");
  assert.ok(!(await idOf("req_the-secret-key_1", ["the-secret-key"]))?.includes("the-secret-key"));
  assert.equal(await idOf(""), undefined);
});

test("a body is posted, and without one it is asked", async () => {
  const requests: Dispatcher.DispatchOptions[] = [];
  const target = targetOf(answering(200, {}, requests));
  await send(target, never, '{"a":1}');
  await send(target, never);
  assert.deepEqual(
    requests.map(({ method, body, origin, path }) => [method, body, String(origin), path]),
    [
      ["POST", '{"a":1}', "https://host.test", "/v1/x"],
      ["GET", null, "https://host.test", "/v1/x"],
    ],
  );
});

test("a large body is posted in pieces, and its length is told", async () => {
  for (const [body, inPieces] of [
    ["x".repeat(64 * 1024), false],
    ["x".repeat(64 * 1024 + 1), true],
    ["日".repeat(300_000), true],
  ] as const) {
    const requests: Dispatcher.DispatchOptions[] = [];
    const target = { ...targetOf(answering(200, {}, requests)), headers: { "x-a": "b" } };
    await send(target, never, body);
    const [{ headers, body: sent } = assert.fail("nothing was sent")] = requests;
    if (!inPieces) {
      assert.equal(sent, body);
      assert.deepEqual(headers, { "x-a": "b" });
      continue;
    }
    assert.deepEqual(headers, { "x-a": "b", "content-length": String(Buffer.byteLength(body)) });
    assert.ok(sent instanceof Readable);
    const pieces: Buffer[] = [];
    for await (const piece of sent) pieces.push(piece);
    assert.ok(pieces.length > 1);
    for (const { length } of pieces) assert.ok(length <= 64 * 1024, String(length));
    assert.equal(Buffer.concat(pieces).toString(), body);
  }
});

test("a failure whose reason lies deeper is told by that reason", async () => {
  const deep = new TypeError("fetch failed", { cause: new Error("x", { cause: coded("ENOTFOUND") }) });
  const error = await failureOf(deep);
  assert.equal(error.code, "llm.provider.unreachable");
  assert.match(error.message, /does not resolve/);
  assert.equal(error.cause, deep);
});

test("a code that is a number is no reason that is known", async () => {
  const numbered = Object.assign(new Error("x"), { code: 20, cause: coded("ECONNREFUSED") });
  assert.match((await failureOf(numbered)).message, /refused/);
});

test("a chain of causes without an end is read only so far", async () => {
  const circular = new Error("x");
  circular.cause = circular;
  assert.equal((await failureOf(circular)).code, "llm.provider.unreachable");
});

test("undici's own errors are known", async () => {
  assert.equal((await failureOf(new errors.ConnectTimeoutError())).code, "llm.timeout.connect");
  assert.equal((await failureOf(new errors.HeadersTimeoutError())).code, "llm.timeout.first_token");
  assert.equal((await failureOf(new errors.HeadersOverflowError())).code, "llm.provider.bad_response");
  assert.equal((await failureOf(new errors.SocketError("other side closed"))).code, "llm.provider.unreachable");
  // undici's own class is not among its exports; without an llhttp code, which its parser often leaves out, it has none.
  const noHttp = Object.assign(new Error("Expected HTTP/"), { name: "HTTPParserError", code: undefined });
  const { code, remedy } = await failureOf(noHttp);
  assert.deepEqual([code, remedy], ["llm.provider.bad_response", "retry"]);
});

test("each failure of a connection says what failed, in words of its own", async () => {
  const words: Readonly<Record<string, RegExp>> = {
    ENOTFOUND: /host name does not resolve/,
    EAI_AGAIN: /name server/,
    ECONNREFUSED: /refused/,
    ECONNRESET: /closed/,
    CERT_HAS_EXPIRED: /expired/,
    ERR_TLS_CERT_ALTNAME_INVALID: /another host/,
    DEPTH_ZERO_SELF_SIGNED_CERT: /certificate/,
    "": /could not be reached/,
  };
  for (const [code, pattern] of Object.entries(words)) {
    const { message } = await failureOf(coded(code));
    assert.match(message, pattern);
    assert.match(message, /^test .*\.$/);
  }
});

/** What may cure a failure of a connection, and how often the same host is worth another try. */
const CURES: Readonly<Record<string, readonly [remedy: string, maxRetries: number | undefined]>> = {
  ENOTFOUND: ["fallback", undefined],
  EAI_AGAIN: ["retry", 1],
  ECONNREFUSED: ["fallback-first", undefined],
  ECONNRESET: ["retry", undefined],
  EPIPE: ["retry", undefined],
  UND_ERR_SOCKET: ["retry", undefined],
  CERT_HAS_EXPIRED: ["fallback", undefined],
  ERR_TLS_CERT_ALTNAME_INVALID: ["fallback", undefined],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["fallback", undefined],
  SELF_SIGNED_CERT_IN_CHAIN: ["fallback", undefined],
  UND_ERR_CONNECT_TIMEOUT: ["fallback", undefined],
  UND_ERR_HEADERS_TIMEOUT: ["fallback", undefined],
  SOMETHING_NEW: ["retry", undefined],
};

for (const [code, [cure, most]] of Object.entries(CURES)) {
  test(`the cure of ${code} is ${cure}${most ? `, ${most} at most` : ""}`, async () => {
    const { remedy, maxRetries } = await failureOf(coded(code));
    assert.deepEqual([remedy, maxRetries], [cure, most]);
  });
}

test("what is thrown that is no error is a failure of the connection", async () => {
  const throwing = { request: () => Promise.reject("text") } as unknown as Dispatcher; // Only `request` is called.
  await assert.rejects(send(targetOf(throwing), never, "{}"), { code: "llm.provider.unreachable" });
});

test("a failure of a call that is over is canceled, or its reason", async () => {
  const call = new AbortController();
  const sending = send(targetOf(answering(undefined, {})), call.signal, "{}");
  call.abort();
  await assert.rejects(sending, { code: "llm.canceled" });
  const reason = new GatewayError("llm.timeout.total", "too long");
  const { signal } = { signal: AbortSignal.abort(reason) };
  await assert.rejects(send(targetOf(answering(200, {})), signal, "{}"), (error) => error === reason);
});

test("a failure in the middle of an answer is told from one before it", () => {
  const target = targetOf(answering(200, {}));
  assert.equal(bodyError(new errors.BodyTimeoutError(), target, never).code, "llm.timeout.idle");
  for (const thrown of [coded("ECONNRESET"), new errors.SocketError("closed"), new Error("x"), "text", undefined]) {
    const error = bodyError(thrown, target, never);
    assert.equal(error.code, "llm.stream.interrupted");
    assert.equal(error.cause, thrown);
  }
  assert.equal(bodyError(coded("ECONNRESET"), target, AbortSignal.abort()).code, "llm.canceled");
  const known = new GatewayError("llm.provider.bad_response", "large");
  assert.equal(bodyError(known, target, never), known);
});

test("an answer that is none names the provider", () => {
  const error = badResponse(targetOf(answering(200, {})), "answered nonsense");
  assert.equal(error.code, "llm.provider.bad_response");
  assert.equal(error.message, "test answered nonsense.");
  assert.deepEqual([error.retryable, error.remedy], [true, "retry"]);
  const { retryable, remedy } = badResponse(targetOf(answering(200, {})), "answered nonsense", LASTING);
  assert.deepEqual([retryable, remedy], [false, "fallback"]);
});

function targetOf(dispatcher: Dispatcher): Target {
  return {
    name: "test",
    url: new URL("https://host.test/v1/x"),
    headers: {},
    secrets: [],
    maxResponseBytes: 1000,
    dispatcher,
  };
}

async function failureOf(thrown: Error): Promise<GatewayError> {
  const error: unknown = await send(targetOf(new Fake((_controller, fail) => fail(thrown))), never, "{}").then(
    () => assert.fail("it did not fail"),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof GatewayError);
  return error;
}

function coded(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.1:443`), { code });
}

/** Answers every request with a head and no body; `undefined`: never. */
function answering(
  status: number | undefined,
  headers: Headers,
  requests: Dispatcher.DispatchOptions[] = [],
): Dispatcher {
  return new Fake((controller, _fail, handler, options) => {
    requests.push(options);
    if (status === undefined) return;
    handler.onResponseStart?.(controller, status, { ...headers }, "");
    handler.onResponseEnd?.(controller, {});
  });
}

type Play = (
  controller: Dispatcher.DispatchController,
  fail: (error: Error) => void,
  handler: Dispatcher.DispatchHandler,
  options: Dispatcher.DispatchOptions,
) => void;

/** A dispatcher without a network. */
class Fake extends Dispatcher {
  readonly #play: Play;

  constructor(play: Play) {
    super();
    this.#play = play;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    let aborted = false;
    const controller: Dispatcher.DispatchController = {
      get aborted() {
        return aborted;
      },
      paused: false,
      reason: null,
      abort(reason) {
        aborted = true;
        handler.onResponseError?.(controller, reason);
      },
      pause() {},
      resume() {},
    };
    handler.onRequestStart?.(controller, {});
    if (!aborted) this.#play(controller, (error) => handler.onResponseError?.(controller, error), handler, options);
    return true;
  }
}
