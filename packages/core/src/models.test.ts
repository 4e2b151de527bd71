import assert from "node:assert/strict";
import { test } from "node:test";
import { type Call, createCall } from "./call.ts";
import { listModels } from "./models.ts";

const call = createCall();

test("a name becomes an entry of OpenAI's shape", async () => {
  assert.deepEqual(await listModels(["a", "b"], call), [
    { id: "a", object: "model", created: 0, owned_by: "gatewright" },
    { id: "b", object: "model", created: 0, owned_by: "gatewright" },
  ]);
});

test("an entry keeps its fields, and gets those it lacks", async () => {
  assert.deepEqual(await listModels([{ id: "a", created: 7, owned_by: "us", context: 8192 }, { id: "b" }], call), [
    { id: "a", object: "model", created: 7, owned_by: "us", context: 8192 },
    { id: "b", object: "model", created: 0, owned_by: "gatewright" },
  ]);
});

test("a function is asked with the call", async () => {
  const calls: Call[] = [];
  const models = async (asked: Call): Promise<string[]> => {
    calls.push(asked);
    return [asked.id];
  };
  assert.deepEqual(
    (await listModels(models, call)).map(({ id }) => id),
    [call.id],
  );
  assert.deepEqual(calls, [call]);
});

test("no models are an empty list", async () => {
  assert.deepEqual(await listModels([], call), []);
});
