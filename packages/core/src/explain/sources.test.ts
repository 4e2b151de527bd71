import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { InputError, sourcesOf } from "./sources.ts";

const nothing = async function* (): AsyncGenerator<Buffer> {};

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "gatewright-explain-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function textOf(file: string, input: () => AsyncIterable<Buffer> = nothing): Promise<string> {
  const [source] = sourcesOf([file], input);
  const pieces: Buffer[] = [];
  for await (const piece of source?.open() ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (const byte of bytes) yield Buffer.of(byte);
}

test("a file is read as it is, and unpacked where it is packed, whatever its name", async (t) => {
  const path = join(folder(t), "log");
  const text = "line é\n".repeat(100_000);
  writeFileSync(path, text);
  assert.equal(await textOf(path), text);
  writeFileSync(path, gzipSync(text));
  assert.equal(await textOf(path), text);
  writeFileSync(path, Buffer.concat([gzipSync("one\n"), gzipSync("two\n")]));
  assert.equal(await textOf(path), "one\ntwo\n");
  for (const short of ["", "x"]) {
    writeFileSync(path, short);
    assert.equal(await textOf(path), short);
  }
});

test("the standard input is read in pieces of any size, packed or not, and only once", async () => {
  for (const bytes of [Buffer.from("a line\n"), gzipSync("a line\n")])
    assert.equal(await textOf("-", () => inPieces(bytes)), "a line\n");
  assert.deepEqual(
    sourcesOf(["-", "/dev/null"], nothing).map(({ again }) => again),
    [false, false],
  );
});

test("what cannot be read is named, with what is wrong", async (t) => {
  const path = folder(t);
  assert.throws(() => sourcesOf([join(path, "none")], nothing), /none: there is no such file/);
  assert.throws(() => sourcesOf([path], nothing), /is a folder/);
  const torn = join(path, "torn.gz");
  writeFileSync(torn, gzipSync(randomBytes(5000)).subarray(0, 2000));
  await assert.rejects(
    textOf(torn),
    (error) => error instanceof InputError && /torn\.gz is damaged, or not whole/.test(error.message),
  );
});
