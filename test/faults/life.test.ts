import assert from "node:assert/strict";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatReply, concurrency, type Handler, type Middleware, mapChunks, shed } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { startExample } from "../gateway-process.ts";
import { head, RawConnection } from "../raw-http.ts";
import { type Answer, Caller } from "./caller.ts";
import type { LogLine } from "./lab.ts";
import { row, tell } from "./row.ts";
import { until } from "./until.ts";

/** A layer that does its worst to one model and leaves the others alone. */
function badFor(model: string, layer: Middleware): Middleware {
  return (request, next) => (request.model === model ? layer(request, next) : next(request));
}

const MISTAKE = "a mistake of the layer's author";

const plugins: readonly (readonly [string, string, Middleware])[] = [
  [
    "78",
    "a layer throws",
    () => {
      throw new Error(MISTAKE);
    },
  ],
  ["78, rejects", "a layer rejects", () => Promise.reject(new Error(MISTAKE))],
  [
    "78, after next",
    "a layer throws after `next`",
    async (request, next) => {
      await next(request);
      throw new Error(MISTAKE);
    },
  ],
  [
    "78, twice",
    "a layer calls `next` twice, and answers with the second reply",
    async (request, next) => {
      await next(request);
      return next(request);
    },
  ],
  [
    "78, twice at once",
    "a layer calls `next` twice at once, and answers with the reply that is first",
    (request, next) => Promise.race([next(request), next(request)]),
  ],
  ["78, never", "a layer never resolves", () => new Promise<ChatReply>(() => {})],
  [
    "78, never, after next",
    "a layer never resolves after `next`",
    async (request, next) => {
      await next(request);
      return new Promise<ChatReply>(() => {});
    },
  ],
  // What no type allows, and JavaScript does.
  ["78, nothing", "a layer answers nothing", (() => Promise.resolve()) as unknown as Middleware],
  [
    "78, in the answer",
    "a layer throws in the middle of the answer",
    async (request, next) => {
      let chunks = 0;
      return mapChunks(await next(request), (chunk) => {
        if (++chunks > 2) throw new Error(MISTAKE);
        return chunk;
      });
    },
  ],
];

for (const [label, fault, layer] of plugins) {
  for (const stream of [false, true]) {
    // An answer that is not streamed is one chunk: it has no middle.
    if (label === "78, in the answer" && !stream) continue;
    const model = "sim+words=4";
    const facts = { row: stream ? `${label}, a stream` : label, phase: "plugin", fault };
    row(facts, { call: { totalMs: 1000 }, layers: [badFor(model, layer)] }, async (lab) => {
      const before = lab.caller.start("sim+words=10+pace=10", { stream: true });
      const answer = await lab.caller.ask(model, { stream });
      const after = await lab.caller.ask("sim", { stream });
      assert.ok(!answer.text.includes(MISTAKE), "what was thrown is shown");
      assert.equal(tell(await before.answer), "200, whole answer");
      assert.equal(tell(after), "200, whole answer");
      if (!answer.whole) assert.match(answer.code ?? "", /^llm\.(internal|timeout\.total)$/);
      await until(() => lab.log.length === 3, "all calls are logged");
      const line = lab.log.find(({ outcome, tried }) => outcome !== "completed" || tried !== "primary 200");
      return { done: line?.tried ?? "", back: tell(answer) };
    });
  }
}

const phase = "life";

/** What came of many calls: `50 × 200, whole answer`. */
function tally(answers: readonly Answer[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(tell(answer), (counts.get(tell(answer)) ?? 0) + 1);
  return Array.from(counts, ([what, count]) => `${count} × ${what}`).join("; ");
}

/** Half of them are over soon, the others never. */
const HALF = 50;

async function startStreams(caller: Caller): Promise<readonly Promise<Answer>[]> {
  const models = ["sim+words=6+pace=20", "sim+trickle=50"].flatMap((model) => Array<string>(HALF).fill(model));
  const asked = models.map((model) => caller.start(model, { stream: true }));
  await Promise.all(asked.map((call) => call.head));
  return asked.map((call) => call.answer);
}

row(
  { row: "79", phase, fault: "calls in flight are ended while 100 streams run" },
  { call: { totalMs: 15_000 }, attempt: { firstTokenMs: 5000, completionMs: 15_000, idleMs: 5000 } },
  async (lab) => {
    const silent = lab.caller.start("sim+stall");
    const answers = await startStreams(lab.caller);
    const finished = (): readonly LogLine[] => lab.log.filter(({ outcome }) => outcome === "completed");
    await until(() => finished().length === HALF, "the short ones have finished");
    assert.equal(lab.log.length, HALF);
    const from = performance.now();
    lab.closing.abort();
    const all = await Promise.all(answers);
    console.log(`all ended within ${(performance.now() - from).toFixed(0)} ms`);
    assert.ok(performance.now() - from < 2000);
    const late = await lab.caller.ask("sim");
    for (const { headers } of [await silent.answer, late]) assert.equal(headers["retry-after"], "1");
    await until(() => lab.primary.open === 0, "the provider's calls are over");
    assert.equal(tell(await silent.answer), tell(late));
    return {
      done: "primary 200, 100 streams",
      back: `${tally(all)}; who is not answered yet, or comes later: ${tell(late)}`,
    };
  },
);

row({ row: "79, a process", phase, fault: "SIGTERM while 100 streams run" }, {}, async () => {
  const drainMs = 1500;
  const example = await startExample("gateway", { GATEWAY_SHUTDOWN_MS: String(drainMs) });
  try {
    const caller = new Caller(Number(new URL(example.url).port));
    const answers = await startStreams(caller);
    const from = performance.now();
    example.signal("SIGTERM");
    await example.printed(/^SIGTERM: /);
    const late = await caller.ask("sim");
    const all = await Promise.all(answers);
    const { code, stderr } = await example.ended;
    const ms = performance.now() - from;
    console.log(`ended ${ms.toFixed(0)} ms after the signal, promised ${drainMs + 1000}`);
    assert.ok(ms >= drainMs - 5 && ms < drainMs + 4000, `ended after ${ms} ms`);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    return { done: "simulator 200, 100 streams", back: `${tally(all)}; who comes later: ${tell(late)}` };
  } finally {
    await example.close();
  }
});

row(
  { row: "80", phase, fault: "the event loop is blocked for 2 s" },
  { gateway: { admit: shed(), bodyTimeoutMs: 1000 }, call: { totalMs: 10_000 } },
  async (lab) => {
    assert.equal(tell(await lab.caller.ask("sim")), "200, whole answer");
    const waiting = Array.from({ length: 10 }, () => new RawConnection(lab.caller.port));
    await Promise.all(waiting.map((connection) => connection.send("")));
    lab.caller.calls += waiting.length;
    // They only announce a body: who reads it would wait for it.
    const request = head({ headers: ["content-type: application/json", "content-length: 100"] });
    for (const connection of waiting) connection.send(request);
    const blockedUntil = performance.now() + 2000;
    while (performance.now() < blockedUntil);
    const from = performance.now();
    const answers = await Promise.all(waiting.map((connection) => connection.answer()));
    console.log(`refused ${(performance.now() - from).toFixed(0)} ms after the block`);
    for (const { status, headers, body } of answers) {
      assert.equal(status, 503);
      assert.equal(headers["retry-after"], "1");
      assert.equal(headers["retry-after-ms"], "1000");
      assert.equal(JSON.parse(body).error.code, "llm.overloaded");
    }
    for (const connection of waiting) connection.close();
    assert.equal(lab.primary.calls.length, 1);
    let answer = await lab.caller.ask("sim");
    while (!answer.whole && performance.now() < from + 5000) {
      await sleep(20);
      answer = await lab.caller.ask("sim");
    }
    console.log(`answers again ${(performance.now() - from).toFixed(0)} ms after the block`);
    return { done: "no provider is asked; later primary 200", back: `503 \`llm.overloaded\`; later ${tell(answer)}` };
  },
);

/** A time that something takes, with what a busy machine may add. */
function took(ms: number, promisedMs: number): void {
  assert.ok(ms >= promisedMs - 5 && ms < promisedMs + 1500, `took ${ms} ms, not ${promisedMs}`);
}

for (const [label, hours] of [
  ["81", 1],
  ["81, back", -1],
] as const) {
  const options = {
    call: { totalMs: 1500 },
    breaker: { minimumCalls: 2, openMs: 1500 },
    layers: [concurrency({ max: 1, per: ({ model }) => model, maxWaitMs: 200 })],
  };
  const fault = `the clock steps an hour ${hours > 0 ? "on" : "back"} while a call waits, retries, is limited or is kept off`;
  row({ row: label, phase, fault }, options, async (lab) => {
    let stepped = 0;
    const clock = mock.method(Date, "now", () => Math.round(performance.timeOrigin + performance.now()) + stepped);
    try {
      const failing = "sim+status=500+should-retry=false+times=2";
      await lab.caller.ask(failing);
      await lab.caller.ask(failing);
      const openedAt = performance.now();
      const retried = lab.caller.ask("sim+status=429+retry-after-ms=400+times=1");
      const idle = lab.caller.ask("sim+stall=2", { stream: true });
      const late = lab.caller.ask("sim+trickle=50", { stream: true });
      const holds = lab.caller.ask("sim+stall");
      const queued = lab.caller.ask("sim+stall");
      await sleep(100);
      stepped = hours * 3_600_000;
      const kept = await lab.caller.ask(failing);
      assert.equal(kept.code, "llm.provider.circuit_open");
      assert.match(kept.headers["retry-after"] ?? "", /^[12]$/);
      took((await queued).durationMs, 200);
      assert.equal((await queued).code, "llm.overloaded");
      took((await retried).durationMs, 400);
      assert.equal(tell(await retried), "200, whole answer");
      took((await idle).durationMs, 400);
      assert.equal((await idle).code, "llm.timeout.idle");
      took((await holds).durationMs, 400);
      took((await late).durationMs, 1500);
      assert.equal((await late).code, "llm.timeout.total");
      await sleep(Math.max(0, openedAt + 1520 - performance.now()));
      assert.equal(tell(await lab.caller.ask(failing)), "200, whole answer");
      return { done: "the same as ever, at the same times", back: "the same as ever" };
    } finally {
      clock.mock.restore();
    }
  });
}

let configured: Handler = () => Promise.reject(new Error("not configured"));

row(
  { row: "83", phase, fault: "the configuration changes in the middle of a stream" },
  { primaryHandler: (request) => configured(request) },
  async (lab) => {
    configured = openai({ name: "old", baseUrl: lab.primary.url });
    const asked = lab.caller.start("sim+words=10+pace=80", { stream: true });
    await asked.head;
    configured = openai({ name: "new", baseUrl: lab.backup.url });
    const next = await lab.caller.ask("sim");
    assert.equal(next.headers["x-gateway-provider"], "new");
    assert.equal(lab.primary.open, 1, "the stream had ended before");
    const answer = await asked.answer;
    assert.equal(answer.headers["x-gateway-provider"], "old");
    assert.deepEqual([lab.primary.calls.length, lab.backup.calls.length], [1, 1]);
    assert.equal(tell(next), "200, whole answer");
    return { done: "old 200 to its end; new 200 for the next call", back: tell(answer) };
  },
);
