import assert from "node:assert/strict";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { auth, compose, gateway, type KeyRecord, toNode } from "@gatewright/core";
import { openai } from "@gatewright/providers";
import { type Orders, type Outcome, startCallers } from "./exactness-callers.ts";
import { listen } from "./listen.ts";
import { startUpstream } from "./raw-http.ts";

// Bad input 67: wrong keys by the thousand, while somebody works.

const KEY = "key-of-team-a-0123456789";
const FLOOD = 3000;
const GOOD = 200;
const SECONDS = 3;

test("bad input 67: wrong keys in masses do not hold up who has a right one", { timeout: 60_000 }, async (t) => {
  const upstream = await startUpstream({
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
  });
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(KEY));
  const record: KeyRecord = { name: "team-a", sha256: Buffer.from(bytes).toString("hex") };
  const asked: string[] = [];
  const check = auth({
    // A database, a few milliseconds away.
    keys: async (sha256) => {
      asked.push(sha256);
      await sleep(3);
      return sha256 === record.sha256 ? record : undefined;
    },
  });
  const pipeline = compose([check], openai({ baseUrl: `${upstream.url}/v1` }));
  const server = await listen(createServer(toNode(gateway(pipeline, { admit: check.check }))));
  const [worker, flooder] = [startCallers(), startCallers()];
  t.after(async () => {
    worker.kill();
    flooder.kill();
    await server.close();
    await upstream.close();
  });
  const url = `${server.url}/v1/chat/completions`;
  const work = (seconds: number): Promise<Outcome> =>
    worker.ask({ url, key: KEY, perSecond: GOOD, seconds } satisfies Orders);
  const flood = (seconds: number, name: string): Promise<Outcome> =>
    flooder.ask({ url, key: `${name}-*-0123456789`, perSecond: FLOOD, seconds } satisfies Orders);

  await Promise.all([work(1), flood(1, "early")]);
  asked.length = 0;
  const calmUse = cpuUse();
  const calm = await work(SECONDS);
  const { seconds: forGood } = calmUse();
  const known = upstream.received.length;
  const busyUse = cpuUse();
  const flooding = flood(SECONDS + 1, "wrong");
  // Its connections are opened by then.
  await sleep(500);
  const [busy, refused] = [await work(SECONDS), await flooding];
  const { seconds: forAll, idle } = busyUse();

  assert.deepEqual([calm.statuses, busy.statuses], Array(2).fill({ 200: GOOD * SECONDS }), "not all good calls passed");
  assert.deepEqual(refused.statuses, { 401: FLOOD * (SECONDS + 1) });
  assert.equal(upstream.received.length - known, GOOD * SECONDS, "the provider heard of wrong keys");
  assert.equal(asked.length, FLOOD * (SECONDS + 1));
  for (const sha256 of asked) assert.match(sha256, /^[\da-f]{64}$/);

  // Processor time is the same however busy the machine is; waiting is not.
  const cost = (forAll - forGood) / (FLOOD * (SECONDS + 1)) / (forGood / (GOOD * SECONDS));
  t.diagnostic(`a wrong key costs ${cost.toFixed(2)} times the processor time of a good call`);
  assert.ok(cost < 0.5, `a wrong key costs ${cost} times as much as a good call`);
  const [before, during] = [p99(calm), p99(busy)];
  const told = `${before.toFixed(1)} ms without the flood, ${during.toFixed(1)} ms with it: ${(during / before).toFixed(1)} times`;
  t.diagnostic(`p99 of who has a right key: ${told}; of the flood ${p99(refused).toFixed(1)} ms`);
  t.diagnostic(`the machine was idle for ${Math.round(idle * 100)} % of it`);
  // Where others have kept the machine busy, they are as likely the reason.
  assert.ok(during <= 2 * before || during - before <= 100 || idle < 1 / 3, told);
});

/** Starts to measure; asked, tells this process's processor time in seconds, and the share of the machine's that was idle. */
function cpuUse(): () => { readonly seconds: number; readonly idle: number } {
  const own = process.cpuUsage();
  const before = machineTimes();
  return () => {
    const { user, system } = process.cpuUsage(own);
    const after = machineTimes();
    return { seconds: (user + system) / 1e6, idle: (after.idle - before.idle) / (after.all - before.all) };
  };
}

function machineTimes(): { readonly idle: number; readonly all: number } {
  const times = cpus().map((core) => core.times);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.map((one) => sum(Object.values(one)))) };
}

function p99({ times }: Outcome): number {
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}
