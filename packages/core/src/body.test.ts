import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type BodyLimits, readJsonBody } from "./body.ts";
import { GatewayError, toGatewayError } from "./error.ts";
import { BodyTooLargeError, type HttpRequest } from "./http.ts";
import { fakeClock } from "./testing.ts";

const LIMITS: BodyLimits = { maxBytes: 1000, timeoutMs: 1000, clock: fakeClock() };
const VALUE = { model: "m", messages: ["é日😀"] };
const TEXT = JSON.stringify(VALUE);

test("a body of JSON is read", async () => {
  assert.deepEqual(await readJsonBody(sent(TEXT), LIMITS), VALUE);
});

test("a byte order mark in front of JSON is no part of it", async () => {
  assert.deepEqual(await readJsonBody(sent(`\ufeff${TEXT}`), LIMITS), VALUE);
});

test("a body that the host app has parsed is taken as it is, and nothing is read", async () => {
  assert.equal(await readJsonBody({ ...sent(""), body: { parsed: VALUE } }, LIMITS), VALUE);
  assert.equal(await readJsonBody({ ...sent(""), body: { parsed: undefined } }, LIMITS), undefined);
});

test("a body that the host app has parsed is held to the same shape", async () => {
  const deep = JSON.parse("[".repeat(101) + "]".repeat(101));
  const many = Array(50_000).fill(0);
  const polluting = JSON.parse('{"__proto__":{"x":1}}');
  for (const parsed of [deep, many, polluting]) {
    await refused({ ...sent(""), body: { parsed } }, "llm.request.invalid", 400);
  }
  assert.ok(await readJsonBody({ ...sent(""), body: { parsed: many.slice(1) } }, LIMITS));
});

for (const type of [
  "application/json",
  "Application/JSON",
  "application/json; charset=utf-8",
  "application/json;charset=UTF-8",
  'application/json; charset="utf-8"',
  "application/json; charset=utf8; foo=bar",
  " application/json ",
]) {
  test(`the content type ${JSON.stringify(type)} is taken`, async () => {
    assert.deepEqual(await readJsonBody(sent(TEXT, { "content-type": type }), LIMITS), VALUE);
  });
}

for (const type of [
  "",
  "text/plain",
  "text/plain;charset=UTF-8",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/jsonp",
  "application/json-patch+json",
  "text/application/json",
  "application/json, text/plain",
  "application/json; charset=utf-7",
  "application/json; charset=latin1",
  "application/json; charset=utf-16",
  "application/json; charset=utf-8; charset=utf-7",
  "application/json;;;=",
  "application/json; charset",
  "application/json; foo",
  "application/json; =bar",
]) {
  test(`the content type ${JSON.stringify(type)} is refused, and the body is not read`, async () => {
    const request = sent(TEXT, { "content-type": type });
    await refused({ ...request, body: { read: neverRead } }, "llm.request.unsupported_media_type", 415);
  });
}

test("a body without a content type is refused, also one that the host app has parsed", async () => {
  for (const body of [{ read: neverRead }, { parsed: VALUE }]) {
    await refused({ ...sent(TEXT), headers: {}, body }, "llm.request.unsupported_media_type", 415);
  }
});

test("a body whose length is over the limit is refused before it is read", async () => {
  for (const length of ["1001", "99999999999"]) {
    for (const body of [{ read: neverRead }, { parsed: VALUE }]) {
      await refused({ ...sent(TEXT, { "content-length": length }), body }, "llm.request.too_large", 413);
    }
  }
  assert.deepEqual(await readJsonBody(sent(TEXT, { "content-length": "1000" }), LIMITS), VALUE);
});

test("a body that proves to be over the limit is refused", async () => {
  const string = (bytes: number): string => JSON.stringify("x".repeat(bytes - 2));
  assert.equal(await readJsonBody(sent(string(1000)), LIMITS), "x".repeat(998));
  await refused(sent(string(1001)), "llm.request.too_large", 413);
});

const ENCODERS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };

for (const [encoding, encode] of Object.entries(ENCODERS)) {
  const header = { "content-encoding": encoding };

  test(`a body in ${encoding} is read`, async () => {
    assert.deepEqual(await readJsonBody(sent(encode(TEXT), header), LIMITS), VALUE);
    const upper = { "content-encoding": ` ${encoding.toUpperCase()} ` };
    assert.deepEqual(await readJsonBody(sent(encode(TEXT), upper), LIMITS), VALUE);
  });

  test(`a body in ${encoding} is held to the limit by what comes out of it`, async () => {
    const string = (bytes: number): Uint8Array => encode(JSON.stringify("x".repeat(bytes - 2)));
    assert.equal(await readJsonBody(sent(string(1000), header), LIMITS), "x".repeat(998));
    await refused(sent(string(1001), header), "llm.request.too_large", 413);
    await refused(sent(encode(Buffer.alloc(10_000_000)), header), "llm.request.too_large", 413, { maxBytes: 100_000 });
  });

  test(`a body that is not whole ${encoding} is refused`, async () => {
    const bytes = encode(TEXT);
    await refused(sent(bytes.subarray(0, -3), header), "llm.request.invalid", 400);
    await refused(sent(TEXT, header), "llm.request.invalid", 400);
    await refused(sent("", header), "llm.request.invalid", 400);
    await refused(sent(encode(""), header), "llm.request.invalid", 400);
  });
}

test("identity is no encoding", async () => {
  assert.deepEqual(await readJsonBody(sent(TEXT, { "content-encoding": "identity" }), LIMITS), VALUE);
});

for (const encoding of ["gzip, gzip", "gzip,br", "compress", "", "toString", "__proto__", "x".repeat(10_000)]) {
  test(`the encoding ${JSON.stringify(encoding.slice(0, 20))} is refused, and the body is not read`, async () => {
    const request = sent(TEXT, { "content-encoding": encoding });
    await refused({ ...request, body: { read: neverRead } }, "llm.request.unsupported_media_type", 415);
  });
}

test("what is not JSON in UTF-8 is refused, and nothing of it is repeated", async () => {
  const bodies: (string | Uint8Array)[] = ["", " ", '{"secret', "secret", "{'secret':1}", `"${"[".repeat(200)}`];
  bodies.push(
    Buffer.from('"\xff secret"', "latin1"),
    Buffer.from('{"secret":1}', "utf16le"),
    Uint8Array.of(0xed, 0xa0, 0x80),
  );
  for (const body of bodies) {
    const error = await refused(sent(body), "llm.request.invalid", 400);
    assert.match(error.message, /^The body is .*\.$/);
    assert.doesNotMatch(error.message, /secret/);
    assert.deepEqual(error.issues, [{ path: "", message: error.message }]);
  }
});

test("a body without anything in it is called empty", async () => {
  assert.equal((await refused(sent(""), "llm.request.invalid", 400)).message, "The body is empty.");
});

test("JSON that nests too deep or holds too much is refused", async () => {
  const limits = { maxBytes: 1_000_000 };
  await refused(sent("[".repeat(101) + "]".repeat(101)), "llm.request.invalid", 400);
  await refused(sent(`[${"0,".repeat(50_000)}0]`), "llm.request.invalid", 400, limits);
  await refused(sent('{"a":{"__proto__":1}}'), "llm.request.invalid", 400);
});

test("a body that does not arrive in time is refused, and its reading is stopped", async () => {
  const clock = fakeClock();
  const { request, stopped } = silent();
  const reading = readJsonBody(request, { ...LIMITS, clock });
  const expected = assert.rejects(reading, { code: "llm.request.timeout", status: 408 });
  await clock.advance(999);
  assert.equal(stopped(), undefined);
  await clock.advance(1);
  await expected;
  assert.ok(stopped() instanceof GatewayError);
  assert.equal(clock.waiting, 0);
});

test("a body of a caller who leaves is no longer waited for", async () => {
  const clock = fakeClock();
  const call = new AbortController();
  const { request, stopped } = silent(call.signal);
  const reading = readJsonBody(request, { ...LIMITS, clock });
  await clock.advance(10);
  const reason = new Error("left");
  call.abort(reason);
  await assert.rejects(reading, (error) => toGatewayError(error, call.signal).code === "llm.canceled");
  assert.equal(stopped(), reason);
  assert.equal(clock.waiting, 0);
});

test("a body of a caller who has left already is not waited for", async () => {
  const clock = fakeClock();
  const signal = AbortSignal.abort();
  const reading = readJsonBody(silent(signal).request, { ...LIMITS, clock });
  let failure: unknown;
  reading.catch((error: unknown) => {
    failure = error;
  });
  await clock.advance(0);
  assert.notEqual(failure, undefined, "it is still waiting");
  assert.equal(toGatewayError(failure, signal).code, "llm.canceled");
  assert.equal(clock.waiting, 0);
});

test("a body that was read leaves no timer and no listener", async () => {
  const clock = fakeClock();
  const call = new AbortController();
  let signal: AbortSignal | undefined;
  const read = async (_maxBytes: number, stop: AbortSignal): Promise<Uint8Array> => {
    signal = stop;
    return Buffer.from(TEXT);
  };
  await readJsonBody({ ...sent(""), signal: call.signal, body: { read } }, { ...LIMITS, clock });
  assert.equal(clock.waiting, 0);
  call.abort();
  assert.equal(signal?.aborted, false);
});

test("a failure of the connection is thrown as it is", async () => {
  const reset = new Error("ECONNRESET");
  const read = (): Promise<Uint8Array> => Promise.reject(reset);
  await assert.rejects(readJsonBody({ ...sent(""), body: { read } }, LIMITS), (error) => error === reset);
});

function sent(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): HttpRequest {
  const bytes = Buffer.from(body);
  return {
    method: "POST",
    path: "/chat/completions",
    headers: { "content-type": "application/json", ...headers },
    address: undefined,
    signal: new AbortController().signal,
    body: {
      async read(maxBytes) {
        if (bytes.length > maxBytes) throw new BodyTooLargeError();
        return bytes;
      },
    },
  };
}

/** A request whose body never comes, and the reason for which its reading was stopped. */
function silent(signal = new AbortController().signal): { request: HttpRequest; stopped: () => unknown } {
  let reason: unknown;
  const read = (_maxBytes: number, stop: AbortSignal): Promise<Uint8Array> =>
    new Promise((_resolve, reject) => {
      const fail = (): void => {
        reason = stop.reason;
        reject(stop.reason);
      };
      if (stop.aborted) fail();
      stop.addEventListener("abort", fail);
    });
  return { request: { ...sent(""), signal, body: { read } }, stopped: () => reason };
}

function neverRead(): Promise<Uint8Array> {
  assert.fail("the body was read");
}

async function refused(
  request: HttpRequest,
  code: GatewayError["code"],
  status: number,
  limits: Partial<BodyLimits> = {},
): Promise<GatewayError> {
  const thrown: unknown = await readJsonBody(request, { ...LIMITS, ...limits }).then(
    (value) => assert.fail(`taken: ${JSON.stringify(value)?.slice(0, 100)}`),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof GatewayError, String(thrown));
  assert.equal(thrown.code, code);
  assert.equal(thrown.status, status);
  return thrown;
}
