import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatReply } from "../chat.ts";
import { collect } from "../collect.ts";
import { GatewayError } from "../error.ts";
import { textReply } from "../reply.ts";
import { chat } from "./chat.ts";
import { chunksOf, type Outcome, scripted } from "./scripted.ts";

const failure = new GatewayError("llm.provider.overloaded", "busy");

test("outcomes come in order, one a call, and every request is kept", async () => {
  const handler = scripted("a", failure, chunksOf("b"), async ({ model }) => textReply(model));
  const requests = [chat("1"), chat("2"), chat("3"), chat({ model: "m" })] as const;
  assert.equal(await textOf(await handler(requests[0])), "a");
  await assert.rejects(handler(requests[1]), (error) => error === failure);
  assert.equal(await textOf(await handler(requests[2])), "b");
  assert.equal(await textOf(await handler(requests[3])), "m");
  assert.deepEqual(handler.requests, requests);
});

test("a call too many rejects, and names how many were expected", async () => {
  const handler = scripted("a");
  await handler(chat());
  await assert.rejects(handler(chat()), { message: "scripted: call 2 came, 1 expected." });
  await assert.rejects(scripted()(chat()), { message: "scripted: call 1 came, 0 expected." });
});

test("an error in a list is thrown in its place, and is the end", async () => {
  const [first, second] = chunksOf("a");
  assert.ok(first && second);
  const { chunks } = await scripted([first, failure, second])(chat());
  const iterator = chunks[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value, first);
  await assert.rejects(iterator.next(), (error) => error === failure);
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

test("an empty list is a stream that ends at once", async () => {
  const { chunks } = await scripted([])(chat());
  assert.equal((await chunks[Symbol.asyncIterator]().next()).done, true);
});

const ENDS: Readonly<Record<string, (reply: ChatReply) => Promise<unknown>>> = {
  "is read to its end": (reply) => collect(reply),
  "is left in the middle": async ({ chunks }) => {
    for await (const _ of chunks) break;
  },
  "is discarded unread": async ({ chunks }) => chunks[Symbol.asyncIterator]().return?.(),
};

const OUTCOMES: Readonly<Record<string, Outcome>> = { "a list of chunks": chunksOf("a", "b"), "a text": "a" };

for (const [what, outcome] of Object.entries(OUTCOMES)) {
  for (const [how, end] of Object.entries(ENDS)) {
    test(`a reply of ${what} is open until it ${how}, and only then`, async () => {
      const handler = scripted(outcome, outcome);
      const replies = [await handler(chat()), await handler(chat())] as const;
      assert.equal(handler.open, 2);
      await end(replies[0]);
      assert.equal(handler.open, 1);
      await replies[0].chunks[Symbol.asyncIterator]().return?.();
      assert.equal(handler.open, 1);
      await end(replies[1]);
      assert.equal(handler.open, 0);
    });
  }
}

test("a reply that fails is open no more", async () => {
  const handler = scripted([failure]);
  const { chunks } = await handler(chat());
  assert.equal(handler.open, 1);
  await assert.rejects(chunks[Symbol.asyncIterator]().next());
  assert.equal(handler.open, 0);
});

test("a rejection opens nothing", async () => {
  const handler = scripted(failure);
  await assert.rejects(handler(chat()));
  assert.equal(handler.open, 0);
});

test("the chunks of some pieces are a whole answer", async () => {
  const chunks = chunksOf("Hel", "lo");
  assert.equal(chunks.length, 4);
  assert.deepEqual(chunks[0]?.choices, [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }]);
  assert.deepEqual(chunks[1]?.choices, [{ index: 0, delta: { content: "Hel" }, finish_reason: null }]);
  assert.deepEqual(chunks[3]?.choices, [{ index: 0, delta: {}, finish_reason: "stop" }]);
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  assert.equal(await textOf(await scripted(chunks)(chat())), "Hello");
});

async function textOf(reply: ChatReply): Promise<unknown> {
  return (await collect(reply)).choices[0]?.message.content;
}
