import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { readBytes, readText, release } from "./body.ts";
import type { Target, UpstreamAnswer } from "./upstream.ts";

const never = new AbortController().signal;

test("the bytes of an answer come as they are", async () => {
  const pieces = [Buffer.from("a"), Buffer.from("bc"), Buffer.alloc(0), Buffer.from([0xff, 0x00])];
  const read = await all(readBytes(targetOf(1000), answerOf(Readable.from(pieces, { objectMode: true })), never));
  assert.deepEqual(Buffer.concat(read), Buffer.concat(pieces));
});

test("bytes are read up to the limit, and one more closes the body", async () => {
  const pieces = (): Readable => Readable.from([Buffer.alloc(5), Buffer.alloc(5)]);
  assert.equal(Buffer.concat(await all(readBytes(targetOf(10), answerOf(pieces()), never))).length, 10);
  const body = pieces();
  await assert.rejects(all(readBytes(targetOf(9), answerOf(body), never)), {
    code: "llm.provider.bad_response",
    message: /9 bytes/,
  });
  assert.ok(body.destroyed);
});

test("a failure of the body is an interruption, or the end of the call", async () => {
  const failing = (): Readable =>
    Readable.from(
      (async function* () {
        yield Buffer.from("a");
        throw new Error("reset");
      })(),
    );
  await assert.rejects(all(readBytes(targetOf(10), answerOf(failing()), never)), { code: "llm.stream.interrupted" });
  const over = AbortSignal.abort();
  await assert.rejects(all(readBytes(targetOf(10), answerOf(failing()), over)), { code: "llm.canceled" });
});

test("a reader that stops early does not close the body: that is for release to say", async () => {
  const body = Readable.from([Buffer.from("a"), Buffer.from("b")]);
  for await (const _ of readBytes(targetOf(10), answerOf(body), never)) break;
  assert.equal(body.destroyed, false);
});

test("text is UTF-8, also where a character is split", async () => {
  const text = (...pieces: readonly Buffer[]): Promise<string> =>
    readText(targetOf(10), answerOf(Readable.from(pieces)), never);
  assert.equal(await text(...Array.from(Buffer.from("é日😀"), (byte) => Buffer.of(byte))), "é日😀");
  assert.equal(await text(), "");
  await assert.rejects(text(Buffer.alloc(6), Buffer.alloc(5)), {
    code: "llm.provider.bad_response",
    message: /10 bytes/,
  });
});

test("a body that has not said all is closed at once", () => {
  const body = Readable.from([Buffer.from("a")]);
  release(answerOf(body), false);
  assert.ok(body.destroyed);
});

test("a body that has said all is read to its end, and leaves no timer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const body = Readable.from([Buffer.from("a"), Buffer.from("b")]);
  const destroy = t.mock.method(body, "destroy");
  let ended = false;
  body.on("end", () => {
    ended = true;
  });
  release(answerOf(body), true);
  await new Promise((resolve) => body.on("close", resolve));
  assert.ok(ended);
  const calls = destroy.mock.callCount();
  t.mock.timers.runAll();
  assert.equal(destroy.mock.callCount(), calls);
});

test("a body that has said all and does not end is closed a moment later", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const body = new Readable({ read() {} });
  release(answerOf(body), true);
  t.mock.timers.tick(99);
  assert.equal(body.destroyed, false);
  t.mock.timers.tick(1);
  assert.ok(body.destroyed);
});

test("a body that goes on after it has said all is closed a moment later", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const body = new Readable({
    read() {
      setImmediate(() => this.push(Buffer.alloc(1024)));
    },
  });
  release(answerOf(body), true);
  await new Promise((resolve) => setImmediate(resolve));
  t.mock.timers.tick(1000);
  assert.ok(body.destroyed);
});

test("a body that is over is let go without a timer", async (t) => {
  const ended = Readable.from([]);
  ended.resume();
  await new Promise((resolve) => ended.on("close", resolve));
  const closed = new Readable({ read() {} }).destroy();
  const timers = t.mock.method(globalThis, "setTimeout");
  for (const body of [ended, closed]) for (const saidAll of [true, false]) release(answerOf(body), saidAll);
  assert.equal(timers.mock.callCount(), 0);
});

function targetOf(maxResponseBytes: number): Target {
  // Nothing else of a target is looked at here.
  return { name: "test", maxResponseBytes } as Target;
}

function answerOf(body: Readable): UpstreamAnswer {
  // Nothing else of an answer is looked at here.
  return { body: bodyOf(body), keep: () => {} } as UpstreamAnswer;
}

/** undici's body is a Readable with shortcuts, of which none is used. */
function bodyOf(body: Readable): UpstreamAnswer["body"] {
  return body as UpstreamAnswer["body"];
}

async function all(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const read: Uint8Array[] = [];
  for await (const piece of bytes) read.push(piece);
  return read;
}
