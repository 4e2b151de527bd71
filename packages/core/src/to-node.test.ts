import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { Duplex, duplexPair } from "node:stream";
import { type TestContext, test } from "node:test";
import type { Handler } from "./chat.ts";
import { GatewayError } from "./error.ts";
import { type GatewayOptions, gateway } from "./gateway.ts";
import { settled } from "./testing/outcome.ts";
import { chunksOf, fakeClock, scripted } from "./testing.ts";
import { toNode } from "./to-node.ts";

const BODY = JSON.stringify({ model: "m", prompt: "Hi" });
const STREAM = JSON.stringify({ model: "m", prompt: "Hi", stream: true });

test("an answer has its length, its id and nothing of a framework", async () => {
  const { text } = await exchange(scripted("Hé"), post(BODY));
  const [head = "", body = ""] = split(text);
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /\r\ncontent-type: application\/json\r\n/i);
  assert.match(head, /\r\nx-request-id: [0-9a-f-]{36}\r\n/i);
  assert.match(head, RegExp(`\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`, "i"));
  assert.doesNotMatch(head, /x-powered-by|\r\nserver:/i);
  assert.equal(JSON.parse(body).choices[0].message.content, "Hé");
});

test("two requests of one connection are answered, in order", async () => {
  const { text } = await exchange(scripted("first", "second"), post(BODY, "connection: keep-alive") + post(BODY));
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*"first"[\s\S]*HTTP\/1\.1 200 [\s\S]*"second"/);
});

test("a stream is sent in pieces, as they come", async () => {
  const { text } = await exchange(scripted(chunksOf("a", "b")), post(STREAM));
  assert.match(text, /\r\ntransfer-encoding: chunked\r\n/i);
  assert.match(text, /\r\ncontent-type: text\/event-stream; charset=utf-8\r\n/i);
  assert.match(text, /"content":"a"[\s\S]*"content":"b"[\s\S]*data: \[DONE\]\n\n\r\n0\r\n\r\n$/);
});

test("a whole answer to a whole request ends at once", async (t) => {
  holdTimers(t);
  const { text } = await exchange(scripted("a"), post(BODY));
  assert.match(text, /"content":"a"/);
});

test("a body that comes in pieces is read whole, up to the limit", async () => {
  for (const [limit, status] of [
    [BODY.length, 200],
    [BODY.length - 1, 413],
  ] as const) {
    const handler = scripted("a");
    const { socket, received, ended } = connect(handler, { maxBodyBytes: limit });
    socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: any.test\r\ncontent-type: application/json\r\n");
    socket.write("connection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    for (const char of BODY) {
      socket.write(`1\r\n${char}\r\n`);
      await settled();
    }
    socket.write("0\r\n\r\n");
    await ended;
    assert.match(received(), RegExp(`^HTTP/1\\.1 ${status} `));
    if (status === 200) assert.equal(handler.requests[0]?.messages[0]?.content, "Hi");
  }
});

test("a path that is not under the prefix is 404, and another prefix is another path", async () => {
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: any.test\r\nconnection: close\r\n\r\n`;
  const status = async (path: string, prefix?: string): Promise<string | undefined> =>
    /^HTTP\/1\.1 (\d+)/.exec((await exchange(scripted(), get(path), { models: [] }, prefix)).text)?.[1];
  assert.equal(await status("/v1/models?a=b"), "200");
  assert.equal(await status("http://other.test/v1/models"), "200");
  assert.equal(await status("/models"), "404");
  assert.equal(await status("*"), "404");
  assert.equal(await status("/v1/models", "/api"), "404");
  assert.equal(await status("/api/models", "/api"), "200");
  assert.throws(() => toNode(gateway(scripted()), { prefix: "/" }), TypeError);
});

test("HEAD is answered like GET, without a body", async () => {
  const head = "HEAD /v1/models HTTP/1.1\r\nhost: any.test\r\nconnection: close\r\n\r\n";
  const { text } = await exchange(scripted(), head, { models: ["a"] });
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /\r\ncontent-length: [1-9]/i);
  assert.match(text, /\r\n\r\n$/);
});

test("headers and the id of a caller reach the call", async () => {
  const handler = scripted("a");
  await exchange(handler, post(BODY, "X-Request-ID: id-1\r\nX-A: b\r\n__proto__: c\r\nconstructor: d"));
  const { call } = handler.requests[0] ?? {};
  assert.equal(call?.id, "id-1");
  assert.equal(call?.headers["x-a"], "b");
});

test("a body over the limit is 413 while it is still being sent, and the connection ends", async () => {
  const { socket, received, ended } = connect(scripted(), { maxBodyBytes: 100 });
  socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: any.test\r\ncontent-type: application/json\r\n");
  socket.write("transfer-encoding: chunked\r\n\r\n");
  socket.write(`400\r\n${"x".repeat(1024)}\r\n`);
  await until(() => received().includes("llm.request.too_large"));
  assert.match(received(), /^HTTP\/1\.1 413 /);
  assert.match(received(), /\r\nconnection: close\r\n/i);
  // The caller sends the rest: that ends the connection, with nothing to wait for.
  socket.write("1\r\nx\r\n0\r\n\r\n");
  await ended;
});

test("a body that is announced over the limit is 413 before it comes", async () => {
  const { socket, received, ended, leave } = connect(scripted(), { maxBodyBytes: 100 });
  socket.write(`${head(99_999_999_999)}`);
  await until(() => received().includes("llm.request.too_large"));
  assert.match(received(), /^HTTP\/1\.1 413 /);
  leave();
  await ended;
});

test("a caller who goes on sending may read its answer, and one who stops is closed a moment later", async (t) => {
  const advance = holdTimers(t);
  const { socket, received, closed } = connect(scripted(), { maxBodyBytes: 100 });
  socket.write(head(99_999_999_999));
  await until(() => received().includes("llm.request.too_large"));
  for (let sent = 0; sent < 5; sent++) {
    socket.write("x".repeat(1000));
    await turns();
    advance(499);
    await turns();
    assert.equal(closed(), false, `after ${sent + 1} pieces`);
  }
  advance(1);
  await until(closed);
});

test("a caller who never stops sending is closed in the end", async (t) => {
  const advance = holdTimers(t);
  const { socket, received, closed } = connect(scripted(), { maxBodyBytes: 100 });
  socket.write(head(99_999_999_999));
  await until(() => received().includes("llm.request.too_large"));
  for (let sent = 0; sent < 60 && !closed(); sent++) {
    socket.write("x".repeat(1000));
    await turns();
    advance(400);
    await turns();
  }
  assert.ok(closed());
});

test("a gateway that breaks its word and rejects ends the connection, and nothing else", async () => {
  const broken = { writeIdleMs: 1000, owns: () => true, handle: () => Promise.reject(new Error("defect")) };
  const { socket, received, ended } = attach(createServer(toNode(broken)));
  socket.write(post(BODY));
  await ended;
  assert.equal(received(), "");
});

test("a body that does not come in time is 408", async () => {
  const clock = fakeClock();
  const { socket, received, ended } = connect(scripted(), { bodyTimeoutMs: 1000, clock });
  socket.write(`${head(100)}{`);
  await until(() => clock.waiting === 1);
  await clock.advance(1000);
  await until(() => received().includes("llm.request.timeout"));
  assert.match(received(), /^HTTP\/1\.1 408 /);
  socket.write("x".repeat(99));
  await ended;
});

test("a caller who leaves while it sends ends the call, and nothing is called", async () => {
  const clock = fakeClock();
  const codes: string[] = [];
  const handler = scripted();
  const { socket, leave } = connect(handler, { clock, onError: ({ code }) => codes.push(code) });
  socket.write(`${head(100)}{`);
  await until(() => clock.waiting === 1);
  leave();
  await until(() => codes.length === 1);
  assert.deepEqual(codes, ["llm.canceled"]);
  assert.equal(clock.waiting, 0);
  assert.equal(handler.requests.length, 0);
});

test("a caller who leaves before the answer ends the call", async () => {
  const codes: string[] = [];
  let aborted = false;
  const handler: Handler = ({ call: { signal } }) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(signal.reason);
      }),
    );
  const { socket, leave } = connect(handler, { onError: ({ code }) => codes.push(code) });
  socket.write(post(BODY));
  await settled();
  assert.equal(aborted, false);
  leave();
  await until(() => aborted && codes.length === 1);
  assert.deepEqual(codes, ["llm.canceled"]);
});

test("a reply that begins after its caller has left is let go", async () => {
  const replying = Promise.withResolvers<void>();
  const source = scripted(chunksOf("a", "b"));
  let called = false;
  const handler: Handler = async (request) => {
    called = true;
    await replying.promise;
    return source(request);
  };
  const { socket, leave } = connect(handler);
  socket.write(post(STREAM));
  await until(() => called);
  leave();
  await settled();
  replying.resolve();
  await until(() => source.requests.length === 1);
  await until(() => source.open === 0);
});

test("a caller who leaves in the middle of a stream lets go of the reply", async () => {
  const source = scripted(chunksOf(...Array<string>(10_000).fill("x".repeat(1000))));
  const { socket, leave } = connect(source, {}, { reads: false });
  socket.write(post(STREAM));
  await until(() => source.open === 1);
  for (let turn = 0; turn < 100; turn++) await settled();
  assert.equal(source.open, 1);
  leave();
  await until(() => source.open === 0);
  assert.ok(source.requests[0]?.call.signal.aborted);
});

test("a caller who does not read is not sent to without end", async () => {
  let made = 0;
  const handler: Handler = async () => ({
    headers: {},
    chunks: (async function* () {
      for (const chunk of chunksOf(...Array<string>(10_000).fill("x".repeat(1000)))) {
        made++;
        yield chunk;
      }
    })(),
  });
  const { socket, received } = connect(handler, {}, { reads: false });
  socket.write(post(STREAM));
  await until(() => made > 10);
  let before = -1;
  while (before !== made) {
    before = made;
    for (let turn = 0; turn < 20; turn++) await settled();
  }
  assert.ok(made < 1000, `${made} chunks of a kilobyte are held for a caller who reads nothing`);
  socket.resume();
  await until(() => received().includes("[DONE]"));
  assert.equal(made, 10_002);
});

test("a call is over when its answer is", async () => {
  for (const body of [BODY, STREAM]) {
    const handler = scripted("a");
    await exchange(handler, post(body));
    await until(() => handler.requests[0]?.call.signal.aborted === true);
  }
});

test("a stream that fails in the middle ends with an error event, and the connection lives on", async () => {
  const failing = scripted([...chunksOf("a").slice(0, 2), new GatewayError("llm.timeout.idle", "silent")], "next");
  const { text } = await exchange(failing, post(STREAM, "connection: keep-alive") + post(BODY));
  assert.match(text, /llm\.timeout\.idle[^\n]*\n\n\r\n0\r\n\r\nHTTP\/1\.1 200 [\s\S]*"next"/);
});

const LONG: Readonly<Record<string, readonly [body: string, megabytes: number]>> = {
  "a stream": [STREAM, 5],
  "a JSON body of several megabytes": [BODY, 5],
  "a JSON body of a tenth of a megabyte": [BODY, 0.1],
};

for (const [what, [body, megabytes]] of Object.entries(LONG)) {
  const pieces = Array<string>(megabytes * 100).fill("x".repeat(10_000));

  test(`a caller who reads nothing of ${what} is made to go after a while`, async (t) => {
    const advance = holdTimers(t);
    const handler = scripted(chunksOf(...pieces));
    const { socket, remote } = connect(handler, { writeIdleMs: 1000, clock: fakeClock() }, { reads: false });
    socket.write(post(body));
    await until(() => handler.requests.length === 1 && remote.writableLength > 0);
    await turns();
    advance(999);
    await turns();
    assert.equal(remote.destroyed, false);
    assert.equal(handler.requests[0]?.call.signal.aborted, false);
    advance(1);
    await until(() => remote.destroyed && handler.requests[0]?.call.signal.aborted === true);
    await until(() => handler.open === 0);
  });

  test(`a caller who reads a little of ${what} now and then gets all of it, and no timer is left`, async (t) => {
    const advance = holdTimers(t);
    const handler = scripted(chunksOf(...pieces));
    const { socket, remote, received, closed } = connect(
      handler,
      { writeIdleMs: 1000, clock: fakeClock() },
      { reads: false },
    );
    socket.write(post(body));
    await until(() => remote.writableLength > 0);
    for (let read = 0; read < 10_000 && !closed(); read++) {
      socket.resume();
      await settled();
      socket.pause();
      await turns();
      advance(999);
    }
    assert.ok(closed());
    assert.equal(received().split("x".repeat(10_000)).length - 1, pieces.length);
    assert.equal(advance(0), 0);
  });
}

test("a caller who has said its last is still answered, where the server lets it", async (t) => {
  for (const body of [BODY, STREAM]) {
    const advance = holdTimers(t);
    const gate = Promise.withResolvers<void>();
    const source = scripted(chunksOf("a"));
    const { socket, received, ended } = connect(
      async (request) => {
        await gate.promise;
        return source(request);
      },
      { clock: fakeClock() },
      { halfOpen: true },
    );
    socket.end(post(body));
    for (let waited = 0; waited < 20; waited++) {
      await turns();
      advance(1000);
    }
    assert.doesNotMatch(received(), /HTTP\/1\.1 200/);
    gate.resolve();
    await ended;
    // What is said meanwhile is an interim answer, which every client skips.
    assert.match(received(), /^(HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200 OK\r\n[\s\S]*"content":"a"/);
    assert.equal(source.requests[0]?.call.signal.aborted, true);
    await until(() => source.open === 0);
    assert.equal(advance(0), 0);
    t.mock.restoreAll();
  }
});

test("a caller who has said its last and left is noticed, and its call is ended", async (t) => {
  const advance = holdTimers(t);
  let signal: AbortSignal | undefined;
  const codes: string[] = [];
  const handler: Handler = ({ call }) => {
    signal = call.signal;
    return new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)));
  };
  const options: GatewayOptions = { clock: fakeClock(), onError: ({ code }) => codes.push(code) };
  const server = createServer(toNode(gateway(handler, options)));
  Object.assign(server, { httpAllowHalfOpen: true });
  const { remote, goAway } = leavingSocket(post(BODY));
  server.emit("connection", remote);
  await until(() => signal !== undefined);
  assert.equal(signal?.aborted, false);
  goAway();
  await turns();
  for (let waited = 0; waited < 1000 && !signal?.aborted; waited++) {
    advance(1);
    await turns();
  }
  assert.ok(signal?.aborted);
  await until(() => codes.length === 1);
  assert.deepEqual(codes, ["llm.canceled"]);
  assert.equal(advance(0), 0);
});

test("a caller of HTTP/1.0 that has said its last gets no interim answer, which it would not know", async (t) => {
  const advance = holdTimers(t);
  const gate = Promise.withResolvers<void>();
  const source = scripted("a");
  const { socket, received, ended } = connect(
    async (request) => {
      await gate.promise;
      return source(request);
    },
    { clock: fakeClock() },
    { halfOpen: true },
  );
  socket.end(post(BODY).replace("HTTP/1.1", "HTTP/1.0"));
  for (let waited = 0; waited < 20; waited++) {
    await turns();
    advance(1000);
  }
  assert.equal(received(), "");
  gate.resolve();
  await ended;
  assert.match(received(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*"content":"a"/);
});

test("many requests of one connection that are under way at once are answered in order, without a warning", async (t) => {
  const warnings: string[] = [];
  const warn = ({ name }: Error): void => void warnings.push(name);
  process.on("warning", warn);
  t.after(() => process.off("warning", warn));
  const names = Array.from({ length: 15 }, (_, at) => `answer ${at}`);
  const gate = Promise.withResolvers<void>();
  const source = scripted(...names);
  let called = 0;
  const { socket, received, ended } = connect(async (request) => {
    called++;
    await gate.promise;
    return source(request);
  });
  socket.write(names.map((_, at) => post(BODY, `connection: ${at < 14 ? "keep-alive" : "close"}`)).join(""));
  await until(() => called === 15);
  await turns();
  gate.resolve();
  await ended;
  assert.deepEqual(received().match(/answer \d+/g), names);
  assert.deepEqual(warnings, []);
});

interface Connection {
  readonly socket: Duplex;
  /** The server's side of it. */
  readonly remote: Duplex;
  readonly received: () => string;
  /** Whether the server has closed its side. */
  readonly closed: () => boolean;
  readonly ended: Promise<void>;
  /** Loses the connection, as a caller does who goes away; ending it closes one side only. */
  readonly leave: () => void;
}

function connect(
  handler: Handler,
  options: GatewayOptions = {},
  { reads = true, halfOpen = false, prefix = "/v1" } = {},
): Connection {
  const server = createServer(toNode(gateway(handler, options), { prefix }));
  return attach(Object.assign(server, { httpAllowHalfOpen: halfOpen }), reads);
}

/** One connection to a server that listens nowhere. */
function attach(server: Server, reads = true): Connection {
  const [socket, remote] = duplexPair();
  let text = "";
  let closed = false;
  const ended = new Promise<void>((resolve) => {
    socket.on("end", resolve).on("close", resolve);
  });
  ended.then(() => {
    closed = true;
  });
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("utf8");
  });
  socket.on("error", () => {});
  if (!reads) socket.pause();
  server.emit("connection", remote);
  const leave = (): void => {
    socket.destroy();
    remote.destroy();
  };
  return { socket, remote, received: () => text, closed: () => closed, ended, leave };
}

async function exchange(
  handler: Handler,
  request: string,
  options: GatewayOptions = {},
  prefix = "/v1",
): Promise<{ text: string }> {
  const { socket, received, ended } = connect(handler, options, { prefix });
  socket.write(request);
  await ended;
  return { text: received() };
}

function head(length: number, more = "connection: close"): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: any.test\r\ncontent-type: application/json\r\n${more}\r\ncontent-length: ${length}\r\n\r\n`;
}

function post(body: string, more = "connection: close"): string {
  return head(Buffer.byteLength(body), more.includes("connection") ? more : `${more}\r\nconnection: close`) + body;
}

function split(text: string): string[] {
  const at = text.indexOf("\r\n\r\n");
  return [`${text.slice(0, at)}\r\n`, text.slice(at + 4)];
}

/** The server's side of a connection whose caller leaves after its request: of two more writes the second fails. */
function leavingSocket(request: string): { readonly remote: Duplex; readonly goAway: () => void } {
  let gone = false;
  let writes = 0;
  const remote = new Duplex({
    read() {},
    write(_piece, _encoding, done) {
      done(gone && ++writes > 1 ? Object.assign(new Error("write EPIPE"), { code: "EPIPE" }) : null);
    },
  });
  remote.push(request);
  const goAway = (): void => {
    gone = true;
    remote.push(null);
  };
  return { remote, goAway };
}

/**
 * Timers that run only when they are told to; node:test's own do not know `refresh`. Moving the time says how many are
 * left.
 */
function holdTimers(t: TestContext): (ms: number) => number {
  let now = 0;
  const timers = new Map<object, { at: number; readonly run: () => void }>();
  t.mock.method(globalThis, "setTimeout", (run: () => void, delayMs: number) => {
    const timer = { refresh: () => timers.set(timer, { at: now + delayMs, run }) };
    timer.refresh();
    return timer;
  });
  t.mock.method(globalThis, "clearTimeout", (timer: object) => timers.delete(timer));
  return (ms) => {
    now += ms;
    for (const [timer, { at, run }] of timers) if (at <= now && timers.delete(timer)) run();
    return timers.size;
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settled();
}

/** Lets what is ready run until something is so. */
async function until(so: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (so()) return;
    await settled();
  }
  assert.fail("it never came about");
}
