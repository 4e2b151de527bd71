import assert from "node:assert/strict";
import { createServer } from "node:http";
import { suite, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisStore } from "@gatewright/redis";
import { type Answered, type Gateways, startGateways, statusesOf } from "./exactness-gateways.ts";
import { listen } from "./listen.ts";
import { clients } from "./redis-clients.ts";
import { type RedisServer, skipRedis, startRedis } from "./redis-server.ts";

// One limit over several gateways, each a process, with a Redis that is killed.

const GATEWAYS = 4;
const CALLS = 2000;
const LIMIT = 100;

async function start(
  t: TestContext,
  environment: Readonly<Record<string, string>>,
  count = GATEWAYS,
): Promise<Gateways & { readonly redis: RedisServer }> {
  const redis = await startRedis();
  const gateways = await startGateways(count, redis.port, environment);
  t.after(async () => {
    await gateways.close();
    await redis.close();
  });
  return { ...gateways, redis };
}

const limited = { GATEWAY_RATE_LIMIT: `${LIMIT}/60s` };

/**
 * Each answer is a 200 or a 429 that says when to come back; gives back how many are a 200. A gateway that is asked more than
 * it has time for may shed load, where that is `mayShed`.
 */
function passed(answers: readonly Answered[], mayShed = false): number {
  for (const { status, headers, text } of answers) {
    if (status === 200 || (mayShed && status === 503 && /"llm\.overloaded".*"phase":"before"/.test(text))) continue;
    assert.equal(status, 429, text);
    assert.match(headers.get("retry-after") ?? "", /^([1-9]|[1-5]\d|60)$/);
    assert.match(text, /"llm\.rate_limit\.requests"/);
  }
  return statusesOf(answers)[200] ?? 0;
}

/** Calls, so many at a time, spread over the gateways, until there were enough of them and `more` is false. */
async function call({ ask }: Gateways, width: number, more: (made: number) => boolean): Promise<Answered[]> {
  const answers: Answered[] = [];
  let begun = 0;
  const one = async (): Promise<void> => {
    while (more(begun)) answers.push(await ask(begun++));
  };
  await Promise.all(Array.from({ length: width }, one));
  return answers;
}

suite("A limit over four gateways", { skip: skipRedis, timeout: 180_000 }, () => {
  for (const width of [64, 500, CALLS]) {
    test(`lets ${LIMIT} of ${CALLS} calls pass, ${width} of them at once`, async (t) => {
      // With more processes than processors, a Redis that is well may have to wait for its turn.
      const gateways = await start(t, { ...limited, GATEWAY_REDIS_TIMEOUT_MS: "3000" });
      await gateways.warmUp();
      const answers = await call(gateways, width, (made) => made < CALLS);
      t.diagnostic(JSON.stringify(statusesOf(answers)));
      assert.equal(passed(answers, width === CALLS), LIMIT);
      assert.equal(gateways.provider.calls.length, LIMIT, "the provider was asked for more");
    });
  }

  for (const killedAfter of [0, 10, 50, 100, 500]) {
    test(`lets at most twice as many pass where Redis is killed after ${killedAfter} calls, and comes back empty`, async (t) => {
      const gateways = await start(t, limited);
      const { redis } = gateways;
      let over = false;
      const outage = async (): Promise<void> => {
        await redis.kill();
        await sleep(300);
        await redis.restart();
        // Calls go on for as long as it takes the gateways to notice.
        await gateways.warmUp();
        over = true;
      };
      let outages: Promise<void> | undefined;
      const answers = await call(gateways, 64, (made) => {
        if (made >= killedAfter) outages ??= outage();
        return made < CALLS || !over;
      });
      await outages;
      const count = passed(answers);
      t.diagnostic(`${count} of ${answers.length} passed`);
      assert.ok(count >= LIMIT && count <= 2 * LIMIT, `${count} passed`);
    });
  }

  test("lets at most twice as many pass where some gateways were not asked before Redis lost its data", async (t) => {
    const gateways = await start(t, limited);
    const { redis, ask } = gateways;
    const answers: Answered[] = [];
    for (let made = 0; made < LIMIT; made++) answers.push(await ask(made % 2));
    assert.equal(passed(answers), LIMIT);
    await redis.restart();
    await gateways.warmUp();
    answers.push(...(await call(gateways, 16, (made) => made < CALLS)));
    const count = passed(answers);
    t.diagnostic(`${count} of ${answers.length} passed`);
    assert.ok(count <= 2 * LIMIT, `${count} passed`);
  });

  test("is shared out evenly where Redis was never there", async (t) => {
    const redis = await startRedis();
    await redis.close();
    const gateways = await startGateways(GATEWAYS, redis.port, limited);
    t.after(gateways.close);
    const answers = await Promise.all(Array.from({ length: 400 }, (_, at) => gateways.ask(at)));
    assert.equal(passed(answers), LIMIT);
    const readiness = await Promise.all(gateways.all.map((_, at) => gateways.ready(at)));
    assert.deepEqual(readiness, Array(GATEWAYS).fill({ status: "ready", redis: "down" }));
  });
});

test("A gateway that is busy takes its own delay for none of Redis", {
  skip: skipRedis,
  timeout: 20_000,
}, async (t) => {
  const redis = await startRedis();
  t.after(redis.close);
  for (const [kind, connect] of Object.entries(clients)) {
    const { client, close } = await connect(redis.port);
    t.after(close);
    const changes: unknown[] = [];
    const store = redisStore({ client, onStateChange: (change) => changes.push(change) });
    const draw = { key: kind, rate: { kind: "window", capacity: 100, periodMs: 60_000 }, cost: 1 } as const;
    // Calls come together, and each keeps the process busy for longer than an answer of Redis is waited for.
    const server = createServer(async (_request, response) => {
      const drawn = store.draw("all", [draw], false);
      const until = performance.now() + 80;
      while (performance.now() < until);
      response.end(String((await drawn).states[0]?.remaining));
    });
    const { url, close: stop } = await listen(server);
    t.after(stop);
    const answers = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(url)).text()));
    assert.deepEqual(answers.map(Number).sort(), [95, 96, 97, 98, 99], kind);
    assert.deepEqual([store.status().timedOut, changes], [0, []], kind);
  }
});

suite("Gateways on one Redis", { skip: skipRedis, timeout: 60_000 }, () => {
  test("tell in /readyz whether it is there, also before anybody calls", async (t) => {
    const gateways = await start(t, limited, 1);
    const { redis, ready, ask } = gateways;
    assert.deepEqual(await ready(0), { status: "ready", redis: "up" });
    await redis.kill();
    await ask(0);
    assert.deepEqual(await ready(0), { status: "ready", redis: "down" });
    await redis.restart();
    await gateways.warmUp();
    await redis.close();
    const alone = await startGateways(1, redis.port, limited);
    t.after(alone.close);
    assert.deepEqual(await alone.ready(0), { status: "ready", redis: "down" });
  });

  test("let no more calls be in flight together than GATEWAY_CONCURRENCY says, and that many", async (t) => {
    const max = 5;
    const gateways = await start(t, { GATEWAY_CONCURRENCY: String(max) });
    const { provider, ask } = gateways;
    await gateways.warmUp();
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, provider.open);
    }, 1);
    t.after(() => clearInterval(watching));
    const model = "sim+delay=150";
    const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => ask(at, { model, stream: at % 3 === 0 })));
    const counts = statusesOf(answers);
    t.diagnostic(`${most} in flight at most; ${JSON.stringify(counts)}`);
    assert.deepEqual(Object.keys(counts), ["200", "429"]);
    for (const { status, text } of answers) if (status === 429) assert.match(text, /"llm\.rate_limit\.concurrency"/);
    assert.equal(most, max);
    // All slots are free again: as many calls as there are slots take as long as one.
    const again = await Promise.all(Array.from({ length: max }, (_, at) => ask(at, { model })));
    assert.deepEqual(statusesOf(again), { 200: max });
  });

  test("execute a call with an Idempotency-Key once", async (t) => {
    const gateways = await start(t, {}, 2);
    const { provider, ask } = gateways;
    await gateways.warmUp();
    const once = { "idempotency-key": "order-1" };
    const fields = { model: "sim+words=20+delay=200" };
    const answers = await Promise.all([0, 1, 0, 1].map((at) => ask(at, fields, once)));
    assert.deepEqual(statusesOf(answers), { 200: 4 });
    assert.equal(provider.calls.length, 1);
    const said = answers.map(({ text }) => JSON.parse(text).choices[0].message.content);
    assert.deepEqual(said, Array(4).fill(said[0]));
    assert.equal(answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true").length, 3);
    for (const at of [0, 1]) {
      const replayed = await ask(at, { ...fields }, once);
      assert.equal(replayed.headers.get("idempotent-replayed"), "true");
      assert.equal((await ask(at, { ...fields, seed: 1 }, once)).status, 422);
    }
    assert.equal(provider.calls.length, 1);
  });
});
