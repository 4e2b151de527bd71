import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { after, suite, type TestContext, test } from "node:test";
import {
  auth,
  compose,
  type Gateway,
  type GatewayOptions,
  gateway,
  idempotency,
  type Limit,
  type Middleware,
  rateLimit,
  toNode,
} from "@gatewright/core";
import { toExpress } from "@gatewright/express";
import { openai } from "@gatewright/providers";
import { redisStore } from "@gatewright/redis";
import { startSimulator } from "@gatewright/simulator";
import express from "express";
import { listen } from "./listen.ts";
import { exchange, type RawAnswer } from "./raw-http.ts";
import { clients } from "./redis-clients.ts";
import { skipRedis, startRedis } from "./redis-server.ts";

// Bad inputs 68, 70 and 72: callers who try to be somebody else. `exactness-memory.test.ts` has 69, `exactness-tokens.test.ts` 71.

const windowMs = 60_000;
const JSON_TYPE = "content-type: application/json";

const hosts: Readonly<Record<string, (gateway: Gateway) => RequestListener>> = {
  toNode,
  "Express 5": (gateway) => express().use("/v1", toExpress(gateway)),
};

const simulator = await startSimulator();
after(() => simulator.close());
const provider = openai({ baseUrl: simulator.url });

/** A gateway on a port, and a way to send it a call. */
interface Started {
  send(headers?: readonly string[], fields?: object): Promise<RawAnswer>;
}

async function start(
  t: TestContext,
  layers: readonly Middleware[],
  { mount = toNode, ...options }: GatewayOptions & { mount?: (gateway: Gateway) => RequestListener } = {},
): Promise<Started> {
  const server = await listen(createServer(mount(gateway(compose(layers, provider), options))));
  t.after(server.close);
  return {
    send(headers = [], fields = {}) {
      const body = JSON.stringify({
        model: "sim",
        max_tokens: 1,
        messages: [{ role: "user", content: "a" }],
        ...fields,
      });
      return exchange(server.port, { headers: [JSON_TYPE, ...headers], body });
    },
  };
}

/** How much is left of a limit, as a caller is told. */
function left({ status, headers, text }: RawAnswer): number {
  assert.equal(status, 200, text);
  return Number(headers["x-ratelimit-remaining"]);
}

const forwarded = (...lines: string[]): string[] => lines.map((line) => `X-Forwarded-For: ${line}`);
const thousand = Array.from({ length: 1000 }, (_, at) => `10.0.${at >> 8}.${at & 255}`).join(",");
assert.ok(thousand.length > 8000);

/** All of them are from 203.0.113.9, as a proxy that is trusted says: it writes at the end. */
const one: readonly (readonly string[])[] = [
  ...["203.0.113.9", "1.2.3.4, 203.0.113.9", "127.0.0.1, 203.0.113.9", "203.0.113.10,,\t203.0.113.9"].map((line) =>
    forwarded(line),
  ),
  ...["203.0.113.9:1234", "::ffff:203.0.113.9", "[::FFFF:203.0.113.9]:443", "::ffff:cb00:7109"].map((line) =>
    forwarded(line),
  ),
  ...["unknown, 203.0.113.9", `${"x".repeat(5000)}, 203.0.113.9`, "203.0.113.9, 127.0.0.2"].map((line) =>
    forwarded(line),
  ),
  forwarded(`${thousand}, 203.0.113.9`),
  forwarded("203.0.113.10", "203.0.113.9"),
  [...forwarded("203.0.113.9"), "x-real-ip: 1.2.3.4", "forwarded: for=1.2.3.4", "cf-connecting-ip: 1.2.3.4"],
];
/** All of them are from one /64. */
const oneNetwork = ["2001:db8:1:2::1", "2001:DB8:0001:2:ffff::9", "[2001:db8:1:2::5]:80", "2001:db8:1:2::1%eth0"];

for (const [host, mount] of Object.entries(hosts)) {
  suite(host, { timeout: 30_000 }, () => {
    const perAddress = (): Middleware => rateLimit({ limits: [{ requests: 100, windowMs, per: "address" }] });

    for (const trustedProxies of [[], ["10.0.0.0/8", "192.0.2.1"]]) {
      test(`bad input 68: X-Forwarded-For means nothing, trusted: ${trustedProxies.join() || "none"}`, async (t) => {
        const { send } = await start(t, [perAddress()], { mount, trustedProxies });
        for (const [at, headers] of [...one, ...oneNetwork.map((line) => forwarded(line)), []].entries()) {
          assert.equal(left(await send(headers)), 99 - at, headers.join().slice(0, 200));
        }
      });
    }

    test("bad input 68: X-Forwarded-For of a trusted proxy names one caller, whatever the caller writes", async (t) => {
      const { send } = await start(t, [perAddress()], { mount, trustedProxies: ["loopback"] });
      for (const [at, headers] of one.entries()) {
        assert.equal(left(await send(headers)), 99 - at, headers.join().slice(0, 200));
      }
      assert.equal(left(await send(forwarded("203.0.113.10"))), 99);
      for (const [at, line] of oneNetwork.entries()) assert.equal(left(await send(forwarded(line))), 99 - at, line);
      assert.equal(left(await send(forwarded("2001:db8:1:3::1"))), 99);
    });

    test("bad input 68: who has a key is known by it, from wherever", async (t) => {
      const keys = [{ name: "a", key: "key-of-team-a-0123456789" }];
      const layers = [auth({ keys }), rateLimit({ limits: [{ requests: 100, windowMs }] })];
      const { send } = await start(t, layers, { mount, trustedProxies: ["loopback"] });
      const key = "authorization: Bearer key-of-team-a-0123456789";
      for (let at = 0; at < 5; at++) assert.equal(left(await send([key, ...forwarded(`203.0.113.${at}`)])), 99 - at);
    });

    test("bad input 72: an Idempotency-Key with another body is a conflict; another caller's is another", async (t) => {
      const keys = ["a", "b"].map((name) => ({ name, key: `key-of-team-${name}-0123456789` }));
      const { send } = await start(t, [auth({ keys }), idempotency()], { mount });
      const [as, bs] = keys.map(({ key }) => [`x-api-key: ${key}`, "idempotency-key: order-1"]);
      simulator.reset();
      const [first, again] = [await send(as), await send(as)];
      assert.deepEqual([first.status, again.status, again.headers["idempotent-replayed"]], [200, 200, "true"]);
      for (const other of [
        { seed: 1 },
        { stream: true },
        { model: "other" },
        { messages: [{ role: "user", content: "b" }] },
      ]) {
        const answer = await send(as, other);
        assert.deepEqual([answer.status, codeOf(answer)], [422, "llm.request.idempotency_conflict"]);
      }
      assert.equal(simulator.calls.length, 1);
      assert.equal((await send(bs, { seed: 1 })).headers["idempotent-replayed"], undefined);
      assert.equal(simulator.calls.length, 2);
      for (const bad of ["", "a b", "ключ", "k".repeat(256)]) {
        assert.equal((await send([`idempotency-key: ${bad}`, as?.[0] ?? ""])).status, 400, bad);
      }
      assert.equal((await send([...(as ?? []), "idempotency-key: order-2"])).status, 400);
      assert.equal(simulator.calls.length, 2);
    });
  });
}

/** Texts that a caller chooses, and that stand for who is counted. No two are the same. */
const subjects = [
  "{",
  "}",
  "{a}",
  "a:b",
  "a",
  "b",
  "a\nb",
  "a\r\nb",
  "a\0b",
  "1:a",
  "",
  " ",
  "*",
  "é",
  "e\u0301",
  "__proto__",
];
const long = ["x".repeat(128), "x".repeat(129), "x".repeat(1024 * 1024), `${"x".repeat(1024 * 1024)}y`];

suite("bad input 70: whatever stands for who is counted", { timeout: 30_000 }, () => {
  const limits = (): Limit[] => [{ requests: 100, windowMs, per: [({ tenant }) => String(tenant), "model"] }];

  test("is counted apart", async (t) => {
    const { send } = await start(t, [rateLimit({ limits: limits() })]);
    for (const round of [99, 98])
      for (const tenant of [...subjects, ...long]) assert.equal(left(await send([], { tenant })), round);
    // Two parts that are one text when joined.
    assert.equal(left(await send([], { tenant: "a1:b", model: "c" })), 99);
    assert.equal(left(await send([], { tenant: "a", model: "1:bc" })), 99);
  });

  test("is on Redis as a hash of one length", { skip: skipRedis }, async (t) => {
    const redis = await startRedis();
    const { client, close } = await clients["node-redis"](redis.port);
    t.after(async () => {
      await close();
      await redis.close();
    });
    const { send } = await start(t, [rateLimit({ limits: limits(), store: redisStore({ client, timeoutMs: 2000 }) })]);
    for (const round of [99, 98])
      for (const tenant of [...subjects, ...long]) assert.equal(left(await send([], { tenant })), round);
    const names = (await redis.cli("--no-raw", "KEYS", "*")).split("\n").map((line) => line.replace(/^ *\d+\) /, ""));
    const counts = names.filter((name) => !name.endsWith(':epoch"'));
    assert.equal(counts.length, subjects.length + long.length);
    for (const name of counts) assert.match(name, /^"gatewright\{\d\d\}:window:[\w-]{22}"$/);
  });
});

function codeOf({ body }: RawAnswer): unknown {
  // The openai envelope.
  return (JSON.parse(body) as { error: { code: unknown } }).error.code;
}
