import assert from "node:assert/strict";
import { test } from "node:test";
import { eachLine, MAX_LINE_BYTES } from "./lines.ts";

async function linesOf(...chunks: readonly string[]): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  async function* bytes(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  await eachLine(
    bytes(),
    (line) => found.push(line?.toString()),
    () => {},
  );
  return found;
}

test("lines are the same however the bytes are cut", async () => {
  const text = "one\n\ntwo\r\nthree, é\nlast";
  const whole = await linesOf(text);
  assert.deepEqual(whole, ["one", "two\r", "three, é", "last"]);
  assert.deepEqual(await linesOf(...text), whole);
  assert.deepEqual(await linesOf("one\nt", "w", "o\r\nthree, é\n", "last"), whole);
});

test("a line that is too long is told once, and the next is whole", async () => {
  const long = "x".repeat(MAX_LINE_BYTES);
  assert.deepEqual(
    (await linesOf(`${long}\nnext\n`)).map((line) => line?.length),
    [MAX_LINE_BYTES, 4],
  );
  assert.deepEqual(await linesOf(`${long}x\nnext\n`), [undefined, "next"]);
  assert.deepEqual(await linesOf(long, "x", long, "\nnext"), [undefined, "next"]);
  assert.deepEqual(await linesOf(long, "x"), [undefined]);
});
