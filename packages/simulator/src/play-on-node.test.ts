import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { type Simulator, startSimulator } from "./start-simulator.ts";

let simulator: Simulator;
before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.close());

/** A connection that has sent a request, and what comes back on it. */
class Exchange {
  readonly socket: Socket;
  received = "";
  error: string | undefined;

  constructor() {
    const { hostname, port } = new URL(simulator.url);
    this.socket = connect(Number(port), hostname);
    this.socket.setEncoding("latin1").on("data", (part) => {
      this.received += part;
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
  }

  send(model: string, stream = false): this {
    const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: "one two three" }] });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: simulator\r\ncontent-length: ${body.length}\r\n\r\n`;
    this.socket.write(head + body);
    return this;
  }

  /** Everything that is received until the connection is over. */
  async toEnd(): Promise<string> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once("close", resolve));
    return this.received;
  }

  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) await once(this.socket, "data");
    return this.received;
  }
}

const END_OF_BODY = /\r\n0\r\n\r\n$/;

test("a plain answer is one response with its length, on a connection that lives on", async () => {
  const exchange = new Exchange().send("sim");
  assert.match(await exchange.until(/\]?\}$/), /^HTTP\/1\.1 200 OK\r\n(.+\r\n)*content-length: \d+\r\n/);
  exchange.received = "";
  assert.match(await exchange.send("sim", true).until(END_OF_BODY), /^HTTP\/1\.1 200 OK\r\n/);
  exchange.socket.destroy();
});

test("a stream without waits goes out in one piece", async () => {
  const exchange = new Exchange().send("sim+chunks=50", true);
  const [, body = ""] = (await exchange.until(END_OF_BODY)).split("\r\n\r\n");
  assert.match(body, /^[0-9a-f]+\r\n(data: [^\n]+\n\n){52}/);
  exchange.socket.destroy();
});

test("reset and close end the connection before the response", async () => {
  const reset = new Exchange().send("sim+reset");
  assert.deepEqual([await reset.toEnd(), reset.error], ["", "ECONNRESET"]);
  const close = new Exchange().send("sim+close");
  assert.deepEqual([await close.toEnd(), close.error], ["", undefined]);
});

test("a reset hits a connection that has been used before", async () => {
  const exchange = new Exchange().send("sim", true);
  await exchange.until(END_OF_BODY);
  exchange.received = "";
  assert.deepEqual([await exchange.send("sim+reset").toEnd(), exchange.error], ["", "ECONNRESET"]);
});

test("reset=N and close=N end it after N chunks, or in the middle of a JSON body", async () => {
  for (const stream of [true, false]) {
    const reset = new Exchange().send("sim+reset=2", stream);
    const text = await reset.toEnd();
    assert.equal(reset.error, "ECONNRESET");
    assert.match(text, stream ? /"two "/ : /chat\.completion/);
    assert.doesNotMatch(text, stream ? /"three"/ : /system_fingerprint/);
    const close = new Exchange().send("sim+close=2", stream);
    const closed = await close.toEnd();
    assert.equal(close.error, undefined);
    assert.match(closed, stream ? /"two "/ : /chat\.completion/);
    assert.doesNotMatch(closed, END_OF_BODY);
  }
  assert.match(await new Exchange().send("sim+reset=0", true).toEnd(), /\r\n\r\n$/);
});

test("stall says nothing, or nothing more", async () => {
  const silent: [string, boolean, RegExp][] = [
    ["sim+stall", false, /^$/],
    ["sim+stall=headers", true, /^$/],
    ["sim+stall=first", true, /^HTTP\/1\.1 200 OK\r\n(.+\r\n)+\r\n$/],
    ["sim+stall=first", false, /^HTTP\/1\.1 200 OK\r\n(.+\r\n)+\r\n$/],
    ["sim+stall=1", true, /"one ".+\n\n\r\n$/],
    ["sim+stall=1", false, /"object":"chat\.completion".*\r\n$/],
  ];
  const exchanges = silent.map(([model, stream]) => new Exchange().send(model, stream));
  await Promise.all(silent.map(([, , pattern], i) => exchanges[i]?.until(pattern)));
  await new Promise((resolve) => setTimeout(resolve, 30));
  for (const [i, [model, , pattern]] of silent.entries()) {
    assert.match(exchanges[i]?.received ?? "", pattern, model);
    assert.equal(exchanges[i]?.socket.readyState, "open");
    exchanges[i]?.socket.destroy();
  }
});

test("early-hints sends a 103 first", async () => {
  const exchange = new Exchange().send("sim+early-hints");
  const text = await exchange.until(/HTTP\/1\.1 200 OK/);
  assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\n/);
  exchange.socket.destroy();
});

test("bad-status-line and bad-header are not HTTP", async () => {
  assert.match(await new Exchange().send("sim+bad-status-line").toEnd(), /^HTTQ\/1\.1 OK 200\r\n/);
  assert.match(await new Exchange().send("sim+bad-header").toEnd(), /^HTTP\/1\.1 200 OK\r\nbad header\r\n/);
});

test("unsolicited sends a second response", async () => {
  const exchange = new Exchange().send("sim+unsolicited");
  const text = await exchange.until(/nobody"\}\}\]\}$/);
  assert.equal(text.split("HTTP/1.1 200 OK\r\n").length, 3);
  assert.ok(!exchange.socket.closed);
  exchange.socket.destroy();
});

test("truncate promises more than it sends, then closes", async () => {
  for (const stream of [false, true]) {
    const exchange = new Exchange().send("sim+truncate", stream);
    const text = await exchange.toEnd();
    assert.match(text, /content-length: 1073741824\r\n/);
    assert.match(text, stream ? /\[DONE\]\n\n$/ : /\}$/);
    assert.equal(exchange.error, undefined);
  }
});

test("keep-open does not end the response after [DONE]", async () => {
  const exchange = new Exchange().send("sim+keep-open+after-done", true);
  await exchange.until(/after the end.*\n\n\r\n$/);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.doesNotMatch(exchange.received, END_OF_BODY);
  assert.ok(!exchange.socket.closed);
  exchange.socket.destroy();
});

test("headers=N makes a header block that Node's own limit refuses", async () => {
  const exchange = new Exchange().send("sim+headers=65536");
  const [head = ""] = (await exchange.until(/"chat\.completion"/)).split("\r\n\r\n");
  assert.ok(head.length > 65_536);
  exchange.socket.destroy();
});

test("gzip bodies carry their encoding, and endless ones go on", async () => {
  const gzip = new Exchange().send("sim+gzip=bomb");
  assert.match(await gzip.until(END_OF_BODY), /content-encoding: gzip\r\n/);
  gzip.socket.destroy();
  const endless = new Exchange().send("sim+endless");
  while (endless.received.length < 1_000_000) await once(endless.socket, "data");
  assert.match(endless.received.slice(-1000), /^[x\r\n0-9a-f]+$/);
  endless.socket.destroy();
});
