import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { drain, type Middleware, onEnd, type Usage } from "@gatewright/core";
import { buildConnector } from "undici";
import { head, RawConnection } from "../raw-http.ts";
import type { AskedCall } from "./caller.ts";
import type { Lab } from "./lab.ts";
import { row, type Seen, tell } from "./row.ts";
import { until } from "./until.ts";

const phase = "caller";

/** How soon a provider's call is over once nobody waits for it, and what a busy machine may make of it. */
const PROMISED_MS = 50;
const BUSY_MS = 1000;

/** Leaves, and looks that the provider's calls are over at once, that none follows, and that none counts as a failure. */
async function leave(lab: Lab, asked: AskedCall): Promise<Seen> {
  const calls = lab.primary.calls.length;
  const leftAt = performance.now();
  asked.leave();
  await until(() => lab.primary.calls.every(({ outcome }) => outcome !== "open"), "the provider's call is over");
  const ms = Math.max(0, ...lab.primary.calls.map(({ closedAt = 0 }) => closedAt - leftAt));
  console.log(`aborted ${ms.toFixed(1)} ms after the caller left, promised ${PROMISED_MS}`);
  assert.ok(ms < BUSY_MS, `aborted ${ms} ms after the caller left`);
  await until(() => lab.log.length > 0, "the call is logged");
  await sleep(100);
  assert.equal(lab.primary.calls.length, calls, "asked again for nobody");
  assert.equal(lab.backup.calls.length, 0, "another target is asked for nobody");
  assert.equal(lab.primary.calls.at(-1)?.outcome, "aborted");
  assert.deepEqual([lab.log[0]?.outcome, lab.log[0]?.code, lab.log[0]?.status], ["canceled", "llm.canceled", 499]);
  assert.ok(
    lab.breaker.circuits().every(({ failures }) => failures === 0),
    "counted as a failure of the provider",
  );
  return { done: "primary, aborted at once", back: "nothing; 499 in the log" };
}

for (const [label, model, stream] of [
  ["65", "sim+stall", false],
  ["65, a body", "sim+stall=2", false],
  ["65, a stream", "sim+stall", true],
  ["65, a stream without an event", "sim+pings", true],
] as const) {
  row({ row: label, phase, fault: "leaves before the answer" }, { backup: true }, async (lab) => {
    const asked = lab.caller.start(model, { stream });
    await until(() => lab.primary.open === 1, "the provider is asked");
    await sleep(30);
    return leave(lab, asked);
  });
}

row({ row: "65, in its request", phase, fault: "leaves in the middle of its request" }, {}, async (lab) => {
  const connection = new RawConnection(lab.caller.port);
  lab.caller.calls++;
  await connection.send(`${head({ headers: ["content-type: application/json", "content-length: 100"] })}{"model":`);
  await sleep(30);
  connection.reset();
  await until(() => lab.log.length === 1, "the call is logged");
  assert.equal(lab.log[0]?.code, "llm.canceled");
  assert.equal(lab.primary.calls.length, 0);
  return { done: "", back: "nothing; 499 in the log" };
});

row({ row: "66", phase, fault: "leaves in the middle of a stream" }, { backup: true }, async (lab) => {
  const asked = lab.caller.start("sim+trickle=10+usage=early", { stream: true });
  await once(await asked.head, "data");
  await sleep(50);
  const seen = await leave(lab, asked);
  assert.ok(lab.log[0]?.usage, "what was reported of the usage is not recorded");
  return { ...seen, back: `${seen.back}, with what was reported of the usage` };
});

row({ row: "66, held", phase, fault: "leaves while a stream is held" }, { backup: true, hold: true }, async (lab) => {
  const asked = lab.caller.start("sim+trickle=10", { stream: true });
  await until(() => lab.primary.open === 1, "the provider is asked");
  await sleep(50);
  return leave(lab, asked);
});

const counted: (Usage | undefined)[] = [];
const count: Middleware = async (request, next) =>
  onEnd(await next(request), ({ usage }) => counted.push(usage), request.call.signal);

row(
  { row: "66, read on", phase, fault: "leaves in the middle of a stream that is read to its end for its usage" },
  { layers: [drain(), count] },
  async (lab) => {
    const asked = lab.caller.start("sim+words=10+pace=80", { stream: true });
    await once(await asked.head, "data");
    asked.leave();
    await until(() => lab.primary.calls[0]?.outcome === "finished", "the provider's answer is read to its end");
    await until(() => lab.log.length === 1 && counted.length === 1, "the call is logged and counted");
    assert.equal(lab.log[0]?.code, "llm.canceled");
    assert.equal(counted[0]?.completion_tokens, 10);
    assert.equal(lab.breaker.circuits()[0]?.failures, 0);
    return { done: lab.log[0]?.tried ?? "", back: "nothing; 499 in the log, and the whole usage where it is counted" };
  },
);

for (const [label, stream] of [
  ["67", false],
  ["67, a stream", true],
] as const) {
  row({ row: label, phase, fault: "leaves during the wait for the next try" }, { backup: false }, async (lab) => {
    const asked = lab.caller.start("sim+status=429+retry-after-ms=300", { stream });
    await until(() => lab.primary.calls[0]?.outcome === "finished", "the provider has refused");
    await sleep(50);
    asked.leave();
    await until(() => lab.log.length === 1, "the call is logged");
    await lab.settled();
    await sleep(400);
    assert.equal(lab.primary.calls.length, 1, "asked again for nobody");
    assert.deepEqual([lab.log[0]?.outcome, lab.log[0]?.code], ["canceled", "llm.canceled"]);
    assert.equal(lab.breaker.circuits()[0]?.failures, 0);
    return { done: lab.log[0]?.tried ?? "", back: "nothing; 499 in the log" };
  });
}

/** How much of one answer a gateway may hold for a caller that does not read, in bytes. */
const HELD_BYTES = 256 * 1024;

/** How long a caller may take nothing of its answer, in milliseconds: longer than a busy machine takes to be told so. */
const writeIdleMs = 1500;

let upstream: Socket | undefined;
const connector = buildConnector({ timeout: 1000 });

row(
  { row: "68", phase, fault: "stops reading a stream" },
  {
    gateway: { writeIdleMs },
    connect: (target, callback) =>
      connector(target, (...[error, socket]) => {
        if (error) return callback(error, null);
        upstream = socket;
        callback(null, socket);
      }),
  },
  async (lab) => {
    const asked = lab.caller.start("sim+endless+bytes=1000", { stream: true });
    const response = await asked.head;
    response.pause();
    // The system takes some megabytes before anybody is told that the caller does not read.
    let read = -1;
    while (upstream?.bytesRead !== read) {
      read = upstream?.bytesRead ?? 0;
      await sleep(300);
    }
    assert.equal(lab.primary.open, 1, "the provider waits");
    await until(() => lab.primary.calls[0]?.outcome === "aborted", "the provider's call is aborted");
    await until(() => lab.log.length === 1, "the call is logged");
    assert.deepEqual([lab.log[0]?.outcome, lab.log[0]?.code], ["canceled", "llm.canceled"]);
    assert.equal(lab.breaker.circuits()[0]?.failures, 0);
    // What the system had taken still arrives; the rest was held.
    const { socket } = response;
    response.resume();
    const answer = await asked.answer;
    const held = read - socket.bytesRead;
    console.log(`${read} bytes came from the provider, ${held} of them were held, promised ${HELD_BYTES}`);
    assert.ok(read > HELD_BYTES && held <= HELD_BYTES, `${held} bytes are held`);
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  },
);

row(
  { row: "68, an answer in one piece", phase, fault: "stops reading a large answer" },
  { gateway: { writeIdleMs: 300 }, call: { totalMs: 15_000 }, attempt: { completionMs: 10_000 } },
  async (lab) => {
    const asked = lab.caller.start("sim+bytes=25000000");
    const response = await asked.head;
    response.pause();
    await until(() => lab.primary.calls[0]?.outcome === "finished", "the provider is let go");
    await sleep(1000);
    response.resume();
    const answer = await asked.answer;
    assert.ok(answer.text.length < 25_000_000);
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  },
);

for (const [label, model, stream] of [
  ["68, slowly", "sim+bytes=20000000", false],
  ["68, slowly, a stream", "sim+words=40000", true],
] as const) {
  const options = {
    gateway: { writeIdleMs: 1500 },
    call: { totalMs: 15_000 },
    attempt: { completionMs: 10_000, idleMs: 400 },
  };
  row({ row: label, phase, fault: "reads slowly, but does" }, options, async (lab) => {
    const asked = lab.caller.start(model, { stream });
    const response = await asked.head;
    let taken = 0;
    response.on("data", (piece: string) => {
      taken += piece.length;
      if (taken < 1_500_000) return;
      taken = 0;
      response.pause();
      setTimeout(() => response.resume(), 200);
    });
    const answer = await asked.answer;
    assert.ok(answer.durationMs > 1000, "no pause was needed");
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  });
}

row(
  { row: "69", phase, fault: "a request body that does not come" },
  { gateway: { bodyTimeoutMs: 300 } },
  async (lab) => {
    const connection = new RawConnection(lab.caller.port);
    lab.caller.calls++;
    const startedAt = performance.now();
    await connection.send(`${head({ headers: ["content-type: application/json", "content-length: 100"] })}{"model":`);
    const answer = await connection.answer();
    assert.ok(performance.now() - startedAt >= 295, "given up before its time");
    assert.equal(answer.status, 408);
    assert.equal(answer.headers.connection, "close");
    const { error } = JSON.parse(answer.body);
    await connection.closed;
    assert.equal(lab.primary.calls.length, 0);
    assert.equal(lab.log[0]?.code, error.code);
    return { done: lab.log[0]?.tried ?? "", back: `${answer.status} \`${error.code}\`` };
  },
);

row(
  { row: "69, a byte now and then", phase, fault: "a request body that comes too slowly" },
  { gateway: { bodyTimeoutMs: 300 } },
  async (lab) => {
    const connection = new RawConnection(lab.caller.port);
    lab.caller.calls++;
    await connection.send(head({ headers: ["content-type: application/json", "content-length: 100"] }));
    const drips = setInterval(() => connection.send(" "), 50);
    const answer = await connection.answer().finally(() => clearInterval(drips));
    const { error } = JSON.parse(answer.body);
    assert.equal(lab.primary.calls.length, 0);
    connection.close();
    return { done: lab.log[0]?.tried ?? "", back: `${answer.status} \`${error.code}\`` };
  },
);

row(
  { row: "69, slow headers", phase, fault: "headers that come too slowly for the server" },
  { server: { headersTimeout: 300, connectionsCheckingInterval: 50 } },
  async (lab) => {
    const connection = connect(lab.caller.port, "127.0.0.1");
    connection.write("POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\n");
    const drips = setInterval(() => connection.write("x-drip: x\r\n"), 50);
    const answer = await everything(connection).finally(() => clearInterval(drips));
    assert.match(answer, /^HTTP\/1\.1 408 /);
    assert.equal(lab.primary.calls.length, 0);
    return { done: "", back: "408, from Node" };
  },
);

/** What a server says until it closes the connection. */
async function everything(connection: Socket): Promise<string> {
  let text = "";
  connection.setEncoding("utf8").on("error", () => {});
  connection.on("data", (piece: string) => {
    text += piece;
  });
  await once(connection, "close");
  return text;
}

const allowHalfOpen = {
  // Not among Node's types.
  prepare: (server: Server) => void Object.assign(server, { httpAllowHalfOpen: true }),
};

for (const [label, stream] of [
  ["70", false],
  ["70, a stream", true],
] as const) {
  row({ row: label, phase, fault: "closes its side once it has asked, and waits" }, allowHalfOpen, async (lab) => {
    const body = JSON.stringify({ model: "sim+first=300", stream, messages: [{ role: "user", content: "Hello" }] });
    const connection = connect({ port: lab.caller.port, host: "127.0.0.1", allowHalfOpen: true });
    lab.caller.calls++;
    connection.end(`${head({ headers: ["content-type: application/json", "connection: close"], body })}${body}`);
    const answer = await everything(connection);
    assert.match(answer, /^(HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /"content":"Hello"/);
    assert.equal(answer.includes("data: [DONE]"), stream);
    return { done: lab.log[0]?.tried ?? "", back: "200, whole answer" };
  });
}

row(
  { row: "70, has left", phase, fault: "closes its side once it has asked, and has left" },
  allowHalfOpen,
  async (lab) => {
    const asked = lab.caller.start("sim+stall");
    await until(() => lab.primary.open === 1, "the provider is asked");
    return leave(lab, asked);
  },
);
