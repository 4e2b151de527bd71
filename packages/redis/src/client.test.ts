import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, createCluster, createSentinel } from "@redis/client";
import { Cluster, Redis } from "ioredis";
import { type RedisClient, runOn } from "./client.ts";
import { script } from "./script.ts";

const command = { script: script("return 1"), keys: ["a", "b"], values: ["1", "2"] };
const HASH = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

test("a client of node-redis gets keys and values as lists", async () => {
  const got: unknown[] = [];
  const client: RedisClient = {
    evalSha: async (...all) => void got.push(...all),
    eval: () => assert.fail("the hash is known"),
  };
  await runOn(client)(command);
  assert.deepEqual(got, [HASH, { keys: ["a", "b"], arguments: ["1", "2"] }]);
});

test("a client of ioredis gets them one after the other", async () => {
  const got: unknown[] = [];
  const client: RedisClient = {
    evalsha: async (...all) => void got.push(...all),
    eval: () => assert.fail("the hash is known"),
  };
  await runOn(client)(command);
  assert.deepEqual(got, [HASH, 2, "a", "b", "1", "2"]);
});

test("a script that Redis does not know is sent as its text, once", async () => {
  const sent: string[] = [];
  const client: RedisClient = {
    evalSha: async () => {
      sent.push("hash");
      throw new Error("NOSCRIPT No matching script.");
    },
    eval: async (text: string) => {
      sent.push(text);
      throw new Error("NOSCRIPT No matching script.");
    },
  };
  await assert.rejects(runOn(client)(command), /^Error: NOSCRIPT/);
  assert.deepEqual(sent, ["hash", "return 1"]);
});

test("what else goes wrong is passed on, thrown or rejected", async () => {
  const fail = (): never => {
    throw new Error("READONLY");
  };
  await assert.rejects(runOn({ evalSha: fail, eval: fail })(command), /READONLY/);
  await assert.rejects(runOn({ evalsha: async () => fail(), eval: fail })(command), /READONLY/);
});

test("the clients that people use are taken, by the compiler too", () => {
  runOn(createClient());
  runOn(createCluster({ rootNodes: [] }));
  runOn(createSentinel({ name: "main", sentinelRootNodes: [] }));
  runOn(new Redis({ lazyConnect: true }));
  runOn(new Cluster([], { lazyConnect: true }));
});

test("what is no client is refused", () => {
  for (const client of [undefined, null, {}, "redis://localhost", { evalSha: () => {} }, { eval: () => {} }]) {
    assert.throws(
      // What a caller without types may give.
      () => runOn(client as unknown as RedisClient),
      /^TypeError: redisStore: client must be one of node-redis \(createClient, createCluster\) or of ioredis/,
    );
  }
});
