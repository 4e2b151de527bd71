import { constants, crc32, deflateRawSync, gzipSync } from "node:zlib";
import type { Directives } from "./directives.ts";
import type { Step } from "./step.ts";

const MEBIBYTE = 1_048_576;
const BOMB_MEBIBYTES = 128;
const STACKED = 6;

/** A body in one of the ways that gzip goes wrong, with the content-encoding that belongs to it. */
export function badGzip(
  kind: NonNullable<Directives["gzip"]>,
  text: string,
): { readonly encoding: string; readonly body: Iterable<Step> } {
  if (kind === "bomb") return { encoding: "gzip", body: bomb(text) };
  let body: Uint8Array = Buffer.from(text);
  const layers = kind === "stacked" ? STACKED : 1;
  for (let i = 0; i < layers; i++) body = gzipSync(body);
  if (kind === "corrupt") body.fill(0xff, 10);
  return { encoding: Array(layers).fill("gzip").join(", "), body: [body] };
}

/**
 * A gzip file (RFC 1952) of 128 MiB of white space and then the text, in some 130 KB. A block that ends with a full
 * flush stands on its own, so one block, packed once, is sent over and over.
 */
function* bomb(text: string): Generator<Step> {
  const space = Buffer.alloc(MEBIBYTE, " ");
  const block = deflateRawSync(space, { finishFlush: constants.Z_FULL_FLUSH });
  let checksum = 0;
  yield Buffer.from("1f8b0800000000000003", "hex");
  for (let i = 0; i < BOMB_MEBIBYTES; i++) {
    checksum = crc32(space, checksum);
    yield block;
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(text, checksum), 0);
  trailer.writeUInt32LE(BOMB_MEBIBYTES * MEBIBYTE + Buffer.byteLength(text), 4);
  yield Buffer.concat([deflateRawSync(text), trailer]);
}
