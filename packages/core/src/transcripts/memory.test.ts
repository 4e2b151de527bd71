import assert from "node:assert/strict";
import { test } from "node:test";
import { createCall } from "../call.ts";
import { caller } from "../caller.ts";
import { memoryTranscripts } from "./memory.ts";

test("texts and records are found by their id, and nothing else is", async () => {
  const source = memoryTranscripts({ a: "Hello", b: { status: "queued" } });
  assert.deepEqual(await source("a", createCall()), { id: "a", text: "Hello" });
  assert.deepEqual(await source("b", createCall()), { id: "b", status: "queued" });
  for (const id of ["c", "constructor", "__proto__"]) assert.equal(await source(id, createCall()), undefined);
});

test("one that has an owner is there for nobody else", async () => {
  const source = memoryTranscripts({ a: { text: "Alice's", owner: "key alice" } });
  const call = createCall();
  assert.equal(await source("a", call), undefined);
  call.context.set(caller, { name: "bob" });
  assert.equal(await source("a", call), undefined);
  call.context.set(caller, { name: "alice" });
  assert.equal((await source("a", call))?.text, "Alice's");
});

test("what is no object is refused", () => {
  const broken: Parameters<typeof memoryTranscripts>[0] = JSON.parse("[]");
  assert.throws(() => memoryTranscripts(broken), /^TypeError: memoryTranscripts: transcripts /);
});
