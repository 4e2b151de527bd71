import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Middleware, rateLimit } from "@gatewright/core";
import { type RedisStore, redisStore, type StateChange } from "@gatewright/redis";
import { clients, type OpenClient } from "../redis-clients.ts";
import { type RedisProxy, startProxy } from "../redis-proxy.ts";
import { type RedisServer, skipRedis, startRedis } from "../redis-server.ts";
import type { Lab } from "./lab.ts";
import { type Row, row, type Seen, tell } from "./row.ts";
import { told } from "./seen.ts";

// What becomes of calls whose limit of two is counted on a Redis that is out of order. `redis.test.ts` looks at the store alone.

const phase = "deps";

let server: RedisServer;
let proxy: RedisProxy;
let open: OpenClient;

/** What each row has of its own. */
let limit: Middleware;
let store: RedisStore;
let changes: StateChange[];

if (skipRedis) test("Redis is out of order", { skip: skipRedis }, () => {});
else {
  before(async () => {
    server = await startRedis();
    proxy = await startProxy(server.port);
    open = await clients["node-redis"](proxy.port);
  });
  after(async () => {
    await open.close();
    await proxy.close();
    await server.close();
  });
  rows();
}

/** Three calls of one caller who may make two, with Redis out of order from before the call `from` on. */
function outOfOrder(
  facts: Omit<Row, "phase">,
  from: number,
  breakIt: () => unknown,
  state: "down" | "up" = "down",
): void {
  const run = async (lab: Lab): Promise<Seen> => {
    changes = [];
    store = redisStore({
      client: open.client,
      prefix: `row-${facts.row.replace(/\W+/g, "-")}`,
      timeoutMs: 300,
      onStateChange: (change) => void changes.push(change),
    });
    limit = rateLimit({ limits: [{ requests: 2, windowMs: 60_000 }], store });
    proxy.delayMs = 0;
    proxy.error = undefined;
    const answers: string[] = [];
    try {
      for (let call = 1; call <= 3; call++) {
        if (call === from) await breakIt();
        answers.push(tell(await lab.caller.ask("sim")));
      }
    } finally {
      proxy.delayMs = 0;
      proxy.error = undefined;
    }
    const after = { up: store.status().up, changes: changes.map((change) => change.state) };
    // Its connections are there again when what is left is counted.
    await server.start();
    await untilReady();
    assert.deepEqual(after, { up: state === "up", changes: state === "up" ? [] : ["down"] }, "it is told once");
    return { done: told(lab.log.map(({ tried }) => tried)), back: told(answers) };
  };
  row({ ...facts, phase }, { layers: [(request, next) => limit(request, next)] }, run);
}

async function untilReady(): Promise<void> {
  while (!(await store.ready())) await sleep(20);
}

function rows(): void {
  const gone = () => server.kill();
  outOfOrder({ row: "71", fault: "Redis is not there: a limit of two calls" }, 1, gone);
  outOfOrder(
    { row: "71, at run", fault: "Redis goes after a call: a limit of two calls, by the share once more" },
    2,
    gone,
  );
  const slow = () => {
    proxy.delayMs = 1000;
  };
  outOfOrder({ row: "72", fault: "Redis is slow: a limit of two calls" }, 1, slow);
  outOfOrder(
    { row: "72, at run", fault: "Redis becomes slow after a call: a limit of two calls, by the share once more" },
    2,
    slow,
  );
  outOfOrder(
    { row: "73, NOSCRIPT", fault: "Redis forgets its scripts: a limit of two calls" },
    2,
    () => server.cli("SCRIPT", "FLUSH"),
    "up",
  );
  for (const error of [
    "READONLY You can't write",
    "OOM command not allowed",
    "LOADING Redis is loading",
    "MOVED 1 127.0.0.1:1",
  ]) {
    const [name = ""] = error.split(" ");
    const refuse = () => {
      proxy.error = error;
    };
    outOfOrder({ row: `73, ${name}`, fault: `Redis answers ${name}: a limit of two calls` }, 1, refuse);
  }
  row(
    { row: "74", phase, fault: "an answer of Redis comes after its time, when others are waited for" },
    { layers: [(request, next) => limit(request, next)] },
    async (lab) => {
      store = redisStore({ client: open.client, prefix: "row-74", timeoutMs: 300, whenDown: "allow" });
      const perModel = rateLimit({ limits: [{ requests: 1, windowMs: 60_000, per: "model" }], store });
      limit = perModel;
      const first = tell(await lab.caller.ask("sim"));
      slow();
      // That it is one too many comes too late.
      const late = tell(await lab.caller.ask("sim"));
      proxy.delayMs = 0;
      await untilReady();
      // Taken for an answer to one of these, it would refuse it.
      const next = await Promise.all(
        ["sim+words=1", "sim+words=2", "sim+words=3"].map((model) => lab.caller.ask(model)),
      );
      return { done: "primary 200, for each", back: told([first, late, ...next.map(tell)]) };
    },
  );
}
