import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { test } from "node:test";
import { createGunzip, gunzipSync } from "node:zlib";
import { badGzip } from "./gzip.ts";

function bytesOf(body: Iterable<unknown>): Buffer {
  return Buffer.concat([...body].map((step) => step as Uint8Array)); // These bodies are nothing but bytes.
}

test("corrupt is gzip that cannot be read", () => {
  const { encoding, body } = badGzip("corrupt", '{"a":1}');
  assert.equal(encoding, "gzip");
  const bytes = bytesOf(body);
  assert.deepEqual([...bytes.subarray(0, 2)], [0x1f, 0x8b]);
  assert.throws(() => gunzipSync(bytes), { code: "Z_DATA_ERROR" });
});

test("stacked is gzip six times over", () => {
  const { encoding, body } = badGzip("stacked", '{"a":1}');
  assert.equal(encoding, "gzip, gzip, gzip, gzip, gzip, gzip");
  let bytes = bytesOf(body);
  for (let i = 0; i < 6; i++) bytes = gunzipSync(bytes);
  assert.equal(bytes.toString(), '{"a":1}');
});

test("bomb is small, valid and large", async () => {
  const { body } = badGzip("bomb", '{"a":1}');
  const bytes = bytesOf(body);
  assert.ok(bytes.length < 150_000, `${bytes.length} bytes`);
  const unpacked = Readable.from([bytes]).pipe(createGunzip());
  let length = 0;
  let end = "";
  unpacked.on("data", (part: Buffer) => {
    length += part.length;
    end = part.toString("latin1", Math.max(0, part.length - 7));
  });
  await once(unpacked, "end");
  assert.equal(length, 128 * 1_048_576 + 7);
  assert.ok('{"a":1}'.endsWith(end.trimStart()));
});
