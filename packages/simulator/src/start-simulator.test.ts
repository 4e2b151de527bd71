import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { type Simulator, type SimulatorOptions, startSimulator } from "./start-simulator.ts";

const messages = [{ role: "user", content: "one two three" }];

async function start(t: TestContext, options?: SimulatorOptions): Promise<Simulator> {
  const simulator = await startSimulator(options);
  t.after(() => simulator.close());
  return simulator;
}

function ask(simulator: Simulator, model: string, init: RequestInit & { stream?: boolean } = {}): Promise<Response> {
  const body = JSON.stringify({ model, messages, stream: init.stream ?? false });
  return fetch(`${simulator.url}/chat/completions`, { method: "POST", body, ...init });
}

/** Waits for what another part of the process is about to do. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("listens on a free port of the loopback address and takes it back", async () => {
  const simulator = await startSimulator();
  assert.match(simulator.url, /^http:\/\/127\.0\.0\.1:\d+\/v1$/);
  assert.equal((await fetch(`${simulator.url}/models`)).status, 200);
  const port = Number(new URL(simulator.url).port);
  await assert.rejects(startSimulator({ port }), { code: "EADDRINUSE" });
  await simulator.close();
  await simulator.close();
  await assert.rejects(fetch(`${simulator.url}/models`));
  await (await startSimulator({ port })).close();
});

test("names a bad option", async () => {
  const bad: [object, RegExp][] = [
    [{ port: -1 }, /^port/],
    [{ port: "80" }, /^port/],
    [{ host: "" }, /^host/],
    [{ seed: 0.5 }, /^seed/],
    [{ apiKey: "" }, /^apiKey/],
  ];
  for (const [options, message] of bad) await assert.rejects(startSimulator(options), { name: "TypeError", message });
});

test("keeps what it was called with", async (t) => {
  const simulator = await start(t);
  await ask(simulator, "sim+words=2", { headers: { authorization: "Bearer any", "x-simulate": "words=3" } });
  await fetch(`${simulator.url}/models?x=1`);
  await fetch(`${simulator.url}/chat/completions`, { method: "POST", body: "{" });
  const [chat, models, broken] = simulator.calls;
  assert.deepEqual([chat?.method, chat?.path, chat?.model], ["POST", "/v1/chat/completions", "sim+words=2"]);
  assert.equal(chat?.headers.authorization, "Bearer any");
  assert.deepEqual(chat?.body, { model: "sim+words=2", messages, stream: false });
  assert.ok(chat.closedAt !== undefined && chat.closedAt >= chat.startedAt && chat.startedAt > 0);
  assert.deepEqual([models?.method, models?.path, models?.model], ["GET", "/v1/models?x=1", undefined]);
  assert.deepEqual([broken?.body, broken?.model, broken?.outcome], ["{", undefined, "finished"]);
});

test("says how each call ended", async (t) => {
  const simulator = await start(t);
  const outcome = async (model: string, stream = false) => {
    const count = simulator.calls.length;
    await ask(simulator, model, { stream })
      .then((response) => response.text())
      .catch(() => undefined);
    const call = simulator.calls[count];
    await until(() => call?.outcome !== "open");
    return call?.outcome;
  };
  assert.equal(await outcome("sim"), "finished");
  assert.equal(await outcome("sim+status=500"), "finished");
  assert.equal(await outcome("sim+cut=1", true), "finished");
  assert.equal(await outcome("sim+reset"), "failed");
  assert.equal(await outcome("sim+close=1", true), "failed");
  assert.equal(await outcome("sim+bad-header"), "failed");
  assert.equal(await outcome("sim+truncate"), "failed");
});

test("sees a client leave: in silence, between chunks, while it does not read, and before it has asked", async (t) => {
  const simulator = await start(t);
  for (const [model, stream] of [
    ["sim+stall", false],
    ["sim+stall=1", true],
    ["sim+pace=60000", true],
  ] as const) {
    const controller = new AbortController();
    const asked = ask(simulator, model, { stream, signal: controller.signal }).catch(() => undefined);
    await until(() => simulator.calls.at(-1)?.model === model);
    const call = simulator.calls.at(-1);
    assert.deepEqual([simulator.open, call?.outcome, call?.closedAt], [1, "open", undefined]);
    if (stream) await asked;
    controller.abort();
    await until(() => simulator.open === 0);
    assert.equal(call?.outcome, "aborted");
  }
  const { hostname, port } = new URL(simulator.url);
  const body = JSON.stringify({ model: "sim+bytes=50000000", messages });
  const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: ";
  for (const request of [`${head}${body.length}\r\n\r\n${body}`, `${head}1000\r\n\r\n{`]) {
    const calls = simulator.calls.length;
    const socket = connect(Number(port), hostname);
    socket.write(request);
    await until(() => simulator.calls.length > calls);
    if (request.endsWith("}")) await once(socket, "readable");
    socket.destroy();
    await until(() => simulator.open === 0);
    assert.equal(simulator.calls.at(-1)?.outcome, "aborted");
  }
});

test("does not write faster than the client reads", async (t) => {
  const simulator = await start(t);
  const before = process.memoryUsage().rss;
  const response = await ask(simulator, "sim+endless", { stream: true });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(process.memoryUsage().rss - before < 100_000_000);
  await response.body?.cancel();
  await until(() => simulator.open === 0);
});

test("times counts the calls of a model name until it is reset", async (t) => {
  const simulator = await start(t);
  const status = async (model: string) => (await ask(simulator, model)).status;
  assert.equal(await status("sim+status=503+times=1"), 503);
  assert.equal(await status("sim+status=503+times=1"), 200);
  assert.equal(await status("sim+status=502+times=1"), 502);
  simulator.reset();
  assert.deepEqual(simulator.calls, []);
  assert.equal(await status("sim+status=503+times=1"), 503);
  assert.equal(simulator.calls.length, 1);
});

test("the dice fall alike for the same seed", async (t) => {
  const [one, two] = [await start(t, { seed: 3 }), await start(t, { seed: 3 })];
  const run = async (simulator: Simulator) => {
    const statuses = [];
    for (let i = 0; i < 30; i++) statuses.push((await ask(simulator, "sim+status=500+chance=0.5")).status);
    return statuses;
  };
  const statuses = await run(one);
  assert.deepEqual(await run(two), statuses);
  assert.equal(new Set(statuses).size, 2);
  one.reset();
  assert.deepEqual(await run(one), statuses);
});

test("keeps the last 1000 calls", async (t) => {
  const simulator = await start(t);
  for (let i = 0; i < 50; i++) {
    await Promise.all(Array.from({ length: 21 }, () => fetch(`${simulator.url}/models/${i}`).then((r) => r.text())));
  }
  assert.equal(simulator.calls.length, 1000);
  assert.equal(simulator.calls.at(-1)?.path, "/v1/models/49");
});

test("forgets old calls whose bodies are large", async (t) => {
  const simulator = await start(t);
  const body = JSON.stringify({
    model: "sim",
    messages: [{ role: "user", content: "x".repeat(30_000_000) }],
    max_tokens: 1,
    n: 1,
  });
  for (let i = 0; i < 3; i++) {
    const init = { method: "POST", body, headers: { "x-simulate": "status=500" } };
    await (await fetch(`${simulator.url}/chat/completions`, init)).text();
  }
  assert.equal(simulator.calls.length, 2);
});

test("refuses a body that is too long, and closes its connection", async (t) => {
  const simulator = await start(t);
  const { hostname, port } = new URL(simulator.url);
  const socket = connect(Number(port), hostname);
  socket.write("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 67108865\r\n\r\n");
  let text = "";
  for await (const part of socket) text += part;
  assert.match(text, /^HTTP\/1\.1 413 /);
  assert.match(text, /\r\nconnection: close\r\n/i);
});

test("asks for its key", async (t) => {
  const simulator = await start(t, { apiKey: "sk-only-this-one" });
  assert.equal((await ask(simulator, "sim")).status, 401);
  const init = { headers: { authorization: "Bearer sk-only-this-one" } };
  assert.equal((await ask(simulator, "sim", init)).status, 200);
});

test("close ends what is open at once, and leaves nothing behind", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const simulator = await startSimulator();
  const stalled = assert.rejects(ask(simulator, "sim+stall"));
  const paced = await ask(simulator, "sim+pace=3600000", { stream: true });
  const cut = assert.rejects(paced.text());
  await until(() => simulator.calls.length === 2);
  assert.deepEqual([simulator.open, simulator.connections], [2, 2]);
  await simulator.close();
  assert.deepEqual([simulator.open, simulator.connections], [0, 0]);
  await Promise.all([stalled, cut]);
  assert.deepEqual(
    simulator.calls.map((call) => call.outcome),
    ["failed", "failed"],
  );
  assert.ok(timers() <= before);
});
