import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { collect } from "../collect.ts";
import { compose } from "../compose.ts";
import { GatewayError } from "../error.ts";
import type { ChatChunk, Handler } from "../index.ts";
import { chunksIn, settled } from "../testing/outcome.ts";
import { chat, chunksOf, fakeClock, scripted } from "../testing.ts";
import { hold } from "./hold.ts";
import { retry } from "./retry.ts";
import { timeout } from "./timeout.ts";

const failure = new GatewayError("llm.provider.server_error", "broke");
const half = chunksOf("half").slice(0, 2);

test("an answer that is whole is given whole, headers and all, once it has finished", async () => {
  const gate = Promise.withResolvers<void>();
  const chunks = chunksOf("a", "b");
  const handler: Handler = async () => ({
    headers: { "x-a": "b" },
    chunks: (async function* () {
      yield* chunks.slice(0, 2);
      await gate.promise;
      yield* chunks.slice(2);
    })(),
  });
  let begun = false;
  const replying = compose(
    [hold()],
    handler,
  )(chat()).finally(() => {
    begun = true;
  });
  await settled();
  assert.equal(begun, false);
  gate.resolve();
  const reply = await replying;
  assert.deepEqual(reply.headers, { "x-a": "b" });
  assert.deepEqual(await chunksIn(reply), chunks);
});

test("a failure in the middle is a rejection, and so is a cut", async () => {
  for (const [script, code] of [
    [[...half, failure], "llm.provider.server_error"],
    [half, "llm.stream.interrupted"],
    [[...half, new TypeError("defect")], undefined],
  ] as const) {
    const handler = scripted(script);
    const rejected = compose([hold()], handler)(chat());
    await assert.rejects(rejected, code ? { code } : TypeError);
    assert.equal(handler.open, 0);
  }
});

test("what fails in the middle is cured by a retry, and its caller sees one whole answer", async () => {
  const clock = fakeClock();
  const handler = scripted([...half, failure], half, chunksOf("who", "le"));
  const replying = compose([retry({ clock, random: () => 0.5 }), hold()], handler)(chat({ stream: true }));
  await clock.advance(10_000);
  assert.equal((await collect(await replying)).choices[0]?.message.content, "whole");
  assert.equal(handler.requests.length, 3);
  assert.equal(handler.open, 0);
  assert.equal(clock.waiting, 0);
});

test("a stall in the middle is ended by a timeout inside, and cured by another target's answer", async () => {
  const clock = fakeClock();
  const stalling: Handler = async () => ({
    headers: {},
    chunks: (async function* () {
      yield* half;
      await new Promise(() => {});
    })(),
  });
  const pipeline = compose([hold(), timeout({ idleMs: 100, clock })], stalling);
  const failed = assert.rejects(pipeline(chat({ stream: true })), { code: "llm.timeout.idle" });
  await clock.advance(100);
  await failed;
  assert.equal(clock.waiting, 0);
});

test("an answer over the limit is passed on from there as it comes, with nothing lost and its failure where it is", async () => {
  const chunks = chunksOf("x".repeat(500), "y".repeat(500), "z");
  for (const end of [chunks.slice(3), [failure]]) {
    const gate = Promise.withResolvers<void>();
    const handler = scripted(async () => ({
      headers: {},
      chunks: (async function* () {
        yield* chunks.slice(0, 3);
        await gate.promise;
        for (const step of end) {
          if (step instanceof Error) throw step;
          yield step;
        }
      })(),
    }));
    const reply = await compose([hold({ maxChars: 1000 })], handler)(chat());
    gate.resolve();
    if (end[0] === failure) await assert.rejects(chunksIn(reply), { code: failure.code, phase: "during" });
    else assert.deepEqual(await chunksIn(reply), chunks);
    assert.equal(handler.open, 0);
  }
});

test("an answer within the limit is held, and not one character more", async () => {
  const chunks = chunksOf("a", "b", "c");
  const size = (some: readonly ChatChunk[]): number =>
    some.reduce((sum, chunk) => sum + JSON.stringify(chunk).length, 0);
  const rejects = async (maxChars: number): Promise<boolean> => {
    const pipeline = compose([hold({ maxChars })], scripted([...chunks.slice(0, 3), failure]));
    return pipeline(chat()).then(
      (reply) =>
        collect(reply).then(
          () => assert.fail("it did not fail"),
          () => false,
        ),
      () => true,
    );
  };
  assert.equal(await rejects(size(chunks.slice(0, 3)) + 1), true);
  assert.equal(await rejects(size(chunks.slice(0, 3))), false);
});

test("what is held is ready at once for whoever writes it", async () => {
  const { chunks } = await compose([hold()], scripted(chunksOf("a", "b")))(chat());
  const iterator = chunks[Symbol.asyncIterator]();
  assert.ok("ready" in iterator && typeof iterator.ready === "function");
  let text = "";
  for (let chunk = iterator.ready(); chunk; chunk = iterator.ready()) text += chunk.choices[0]?.delta.content ?? "";
  assert.equal(text, "ab");
});

test("a reader that leaves what was passed on lets go of the source", async () => {
  const handler = scripted(chunksOf("x".repeat(500), "y".repeat(500), "z"));
  const reply = await compose([hold({ maxChars: 300 })], handler)(chat());
  assert.equal(handler.open, 1);
  for await (const _ of reply.chunks) break;
  assert.equal(handler.open, 0);
});

test("a caller who leaves while the answer is held ends it", async () => {
  const stop = new AbortController();
  const left = new GatewayError("llm.canceled", "left");
  const handler = scripted(async ({ call: { signal } }) => ({
    headers: {},
    chunks: (async function* () {
      yield* half;
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    })(),
  }));
  const replying = compose([hold()], handler)(chat("Hi", { signal: stop.signal }));
  const failed = assert.rejects(replying, { code: "llm.canceled" });
  await settled();
  assert.equal(handler.open, 1);
  stop.abort(left);
  await failed;
  assert.equal(handler.open, 0);
  assert.equal(getEventListeners(stop.signal, "abort").length, 0);
});

test("a rejection from below is the same rejection", async () => {
  await assert.rejects(compose([hold()], scripted(failure))(chat()), (thrown) => thrown === failure);
});

test("a limit that cannot be used is refused by name", () => {
  for (const maxChars of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => hold({ maxChars }), { name: "TypeError", message: /^hold: maxChars / });
  }
});
