import assert from "node:assert/strict";
import { test } from "node:test";
import { iterate } from "./chunk-iterator.ts";
import { HeldChunks } from "./held-chunks.ts";
import type { ChatChunk } from "./index.ts";
import { readyIn } from "./testing/ready-in.ts";
import { chat, chunksOf, scripted } from "./testing.ts";

const failure = new Error("cut");
const chunks = chunksOf("a", "b");

test("chunks that are held come in order, then the end, again and again", async () => {
  const held = new HeldChunks(chunks);
  assert.deepEqual(await all(held), chunks);
  for (let time = 0; time < 3; time++) assert.deepEqual(await held.next(), { done: true, value: undefined });
  assert.equal(held.ready(), undefined);
});

test("chunks that are held are ready, all of them", () => {
  const held = new HeldChunks(chunks);
  assert.deepEqual(
    chunks.map(() => held.ready()),
    chunks,
  );
  assert.equal(held.ready(), undefined);
});

test("the rest of the source follows what is held, and its failure", async () => {
  const { chunks: rest } = await scripted([...chunks.slice(2, 3), failure])(chat());
  const got: ChatChunk[] = [];
  await assert.rejects(
    async () => {
      for await (const chunk of new HeldChunks(chunks.slice(0, 2), iterate(rest))) got.push(chunk);
    },
    (thrown) => thrown === failure,
  );
  assert.deepEqual(got, chunks.slice(0, 3));
});

test("what the source has ready is ready after what is held, and nothing is lost in a mix of both ways", async () => {
  const { reply } = readyIn([chunks.slice(1, 3), chunks.slice(3)]);
  const held = new HeldChunks(chunks.slice(0, 1), iterate(reply.chunks));
  assert.equal(held.ready(), chunks[0]);
  assert.equal(held.ready(), undefined);
  assert.equal((await held.next()).value, chunks[1]);
  assert.equal(held.ready(), chunks[2]);
  assert.equal(held.ready(), undefined);
  assert.equal((await held.next()).value, chunks[3]);
  assert.equal((await held.next()).done, true);
});

test("a reader that stops lets go of the source, and of what is held", async () => {
  const handler = scripted(chunks);
  const held = new HeldChunks(chunks, iterate((await handler(chat())).chunks));
  for await (const _ of held) break;
  assert.equal(handler.open, 0);
  assert.equal(held.ready(), undefined);
  assert.equal((await held.next()).done, true);
});

test("a reader that stops where there is no source ends it too", async () => {
  const held = new HeldChunks(chunks);
  for await (const _ of held) break;
  assert.equal((await held.next()).done, true);
});

async function all(source: AsyncIterable<ChatChunk>): Promise<ChatChunk[]> {
  const got: ChatChunk[] = [];
  for await (const chunk of source) got.push(chunk);
  return got;
}
