import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import {
  auth,
  type Call,
  type ChatRequest,
  compose,
  concurrency,
  createCall,
  type GatewayError,
  idempotency,
  memoryStore,
  rateLimit,
  textReply,
} from "@gatewright/core";
import { chat } from "@gatewright/core/testing";
import { memoryRise } from "./memory-rise.ts";

// Bad input 69: a million distinct keys, in process, or many times as many as are kept. What is kept of them is bounded, and
// whoever goes on calling among them is not forgotten.

const MB = 1024 * 1024;
const MILLION = 1_000_000;
const windowMs = 60 * 60 * 1000;
const { signal } = new AbortController();

/** What is in use once the garbage is collected, buffers included. */
async function inUse(): Promise<number> {
  await memoryRise(async () => {});
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Expects that something leaves at most so much behind, while it is still there to be used. */
async function leavesAtMost(t: TestContext, most: number, run: () => Promise<void>): Promise<void> {
  const before = await inUse();
  const { bytes } = await memoryRise(run);
  const rise = (await inUse()) - before;
  t.diagnostic(`${Math.round(rise / MB)} MB left behind; memory rose by ${Math.round(bytes / MB)} MB meanwhile`);
  assert.ok(rise <= most, `${Math.round(rise / MB)} MB are left behind`);
}

/** A request from one of many, made without what takes time: an id and a signal of its own. */
const request = (known: Partial<Call>): ChatRequest => ({ ...hello, call: createCall({ id: "1", signal, ...known }) });
const hello = chat("Hi");
const addressOf = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;

suite("bad input 69:", { timeout: 120_000 }, () => {
  test("300,000 addresses leave 64 MB behind in the layer of limits, and the one that goes on is counted", async (t) => {
    let remaining = Number.NaN;
    const limit = rateLimit({
      limits: [{ requests: 2000, windowMs, per: "address" }],
      onDecision: ({ limits }) => {
        remaining = limits[0]?.remaining ?? Number.NaN;
      },
    });
    const pipeline = compose([limit], async () => textReply("ok"));
    const from = (address: string) => pipeline(request({ address }));
    await leavesAtMost(t, 64 * MB, async () => {
      for (let at = 0; at < 300_000; at++) {
        await from(addressOf(at));
        if (at % 1000 === 0) await from("192.0.2.1");
      }
    });
    await from("192.0.2.1");
    assert.equal(remaining, 2000 - 301);
  });

  test("a million keys of counts, some of them of 10 KB, leave 64 MB behind in a store", async (t) => {
    const store = memoryStore();
    const rate = { kind: "bucket", capacity: 10, periodMs: windowMs } as const;
    const tail = "x".repeat(10_000);
    await leavesAtMost(t, 64 * MB, async () => {
      for (let at = 0; at < MILLION; at++) {
        const key = at % 20 === 0 ? `tenant ${at} ${tail}` : `tenant ${at}`;
        const { taken } = await store.draw("all", [{ key, rate, cost: 1 }], false);
        assert.ok(taken);
      }
    });
    const { states } = await store.draw("all", [{ key: `tenant ${MILLION - 1}`, rate, cost: 1 }], false);
    assert.equal(states[0]?.remaining, 8);
  });

  test("100,000 wrong keys leave 16 MB behind in auth, and push no good one out", async (t) => {
    const good = "key-of-team-a-0123456789";
    const asked = new Map<boolean, number>();
    const hash = (await crypto.subtle.digest("SHA-256", new TextEncoder().encode(good))) as ArrayBuffer;
    const record = { name: "team-a", sha256: Buffer.from(hash).toString("hex") };
    const { check } = auth({
      keys: async (sha256) => {
        const isGood = sha256 === record.sha256;
        asked.set(isGood, (asked.get(isGood) ?? 0) + 1);
        return isGood ? record : undefined;
      },
    });
    const present = (key: string): Promise<void> =>
      check(request({ headers: { authorization: `Bearer ${key}` } }).call);
    await present(good);
    await leavesAtMost(t, 16 * MB, async () => {
      for (let at = 0; at < 100_000; at++) {
        const { code } = await present(`wrong key ${at}`).then(
          () => assert.fail("it passed"),
          (error: GatewayError) => error,
        );
        assert.equal(code, "llm.auth.invalid_key");
      }
    });
    await present(good);
    assert.deepEqual([asked.get(true), asked.get(false)], [1, 100_000]);
  });

  test("25,000 callers leave nothing behind in concurrency, and no more than is configured in idempotency", async (t) => {
    const maxBytes = 16 * MB;
    const layers = [concurrency({ max: 1 }), idempotency({ store: memoryStore({ maxBytes }) })];
    const pipeline = compose(layers, async () => textReply("ok"));
    await leavesAtMost(t, 2 * maxBytes, async () => {
      for (let at = 0; at < 25_000; at++) {
        const headers = { "idempotency-key": `order-${at}` };
        const { chunks } = await pipeline(request({ address: addressOf(at), headers }));
        for await (const _ of chunks);
      }
    });
  });
});
