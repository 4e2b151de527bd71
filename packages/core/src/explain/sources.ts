import { createReadStream, type Stats, statSync } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/** Something to read that cannot be read; the message names it. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** Where lines come from. */
export interface Source {
  readonly name: string;
  /** Whether it can be read more than once. */
  readonly again: boolean;
  /** Its bytes, unpacked. Rejects with an `InputError`. */
  readonly open: () => AsyncIterable<Buffer>;
}

const CHUNK_BYTES = 256 * 1024;

/** The sources of the files on a command line, where `-` is the standard input. Throws an `InputError` for one that is not there. */
export function sourcesOf(files: readonly string[], input: () => AsyncIterable<Buffer>): Source[] {
  return files.map((file) => {
    if (file === "-") return { name: "the standard input", again: false, open: () => unpacked("-", input()) };
    const stats = statOf(file);
    if (stats.isDirectory()) throw new InputError(`${file} is a folder. Name the files in it.`);
    const open = (): AsyncIterable<Buffer> => unpacked(file, createReadStream(file, { highWaterMark: CHUNK_BYTES }));
    return { name: file, again: stats.isFile(), open };
  });
}

function statOf(file: string): Stats {
  try {
    return statSync(file);
  } catch (thrown) {
    throw unreadable(file, thrown);
  }
}

function unreadable(file: string, thrown: unknown): InputError {
  const { code, message } =
    thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : (new Error(String(thrown)) as NodeJS.ErrnoException);
  if (code === "ENOENT") return new InputError(`${file}: there is no such file.`);
  if (code === "EACCES" || code === "EPERM")
    return new InputError(`${file} must not be read: look at its permissions.`);
  if (code?.startsWith("Z_"))
    return new InputError(
      `${file} is damaged, or not whole yet: ${message}. Unpack what there is of it: gzip -dc FILE | …`,
    );
  return new InputError(`${file} cannot be read: ${message}`);
}

async function* unpacked(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    const rest = chunks[Symbol.asyncIterator]();
    let first = Buffer.alloc(0);
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      first = Buffer.concat([first, next.value]);
      if (first.length >= 2) break;
    }
    const whole = followed(first, rest);
    yield* isGzip(first) ? gunzipped(whole) : whole;
  } catch (thrown) {
    throw unreadable(file === "-" ? "The standard input" : file, thrown);
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1 */
function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function* followed(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function gunzipped(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // An error of either comes out of the iteration.
  pipeline(Readable.from(chunks), gunzip, () => {});
  return gunzip;
}
