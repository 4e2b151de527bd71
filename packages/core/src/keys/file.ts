import { readFileSync, type Stats, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { type Clock, systemClock } from "../clock.ts";
import { isFields, parseJson } from "../json.ts";
import { onlyKnown, wholeIn } from "../options.ts";
import { tell } from "../tell.ts";
import { indexKeys } from "./by-hash.ts";
import { type KeyRecord, type KnownKey, keepChecked, readRecord } from "./record.ts";

export interface KeyFileOptions {
  /** How often it is looked whether the file has changed, in milliseconds; default 1,000. */
  readonly pollMs?: number;
  /**
   * Told when the file has changed and cannot be used, once for each change; the keys that were read before stay good.
   * Default: a warning of the process.
   */
  readonly onError?: (error: Error) => void;
  /** Default the real time, by timers that keep no process alive. */
  readonly clock?: Clock;
}

/** Looks keys up in a file: a `KeyLookup` that answers at once. */
export interface KeyFile {
  (sha256: string): KeyRecord | undefined;
  /** Stops looking for changes. The keys stay as they are. */
  close(): void;
}

/**
 * The keys of a JSON file, `{ "keys": [record, …] }`, read at once and again whenever it changes: what `auth` takes as
 * `keys`. A record has the fields of `KeyRecord`. Throws where the file cannot be read or used, naming it, the entry and
 * the field.
 */
export function keyFile(
  path: string,
  { pollMs = 1000, onError = (error) => process.emitWarning(error), clock = quietClock }: KeyFileOptions = {},
): KeyFile {
  wholeIn("keyFile", "pollMs", pollMs, 1, 3_600_000);
  let { seen, records } = load(path);
  let closed = false;
  let told = "";

  const look = async (): Promise<void> => {
    let now = "";
    try {
      now = signature(await stat(path));
      if (now === seen || closed) return;
      ({ seen, records } = load(path));
      told = "";
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      // What is wrong with its content is wrong until it changes; what hindered the reading may pass.
      if (error instanceof KeyFileError) seen = now;
      const once = `${now} ${error.message}`;
      if (once !== told) tell(onError, error);
      told = once;
    }
  };
  const again = (): void => {
    if (!closed) stop = clock.after(pollMs, () => look().then(again));
  };
  let stop = (): void => {};
  again();

  return Object.assign((sha256: string) => records.get(sha256), {
    close: () => {
      closed = true;
      stop();
    },
  });
}

/** How large a key file may be, in bytes: some 200,000 keys. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A file whose content cannot be used. */
class KeyFileError extends TypeError {}

/** What changes when the file does: also when another one takes its place. */
function signature({ mtimeMs, ctimeMs, size, ino }: Stats): string {
  return [mtimeMs, ctimeMs, size, ino].join(" ");
}

/** What a file holds, and its signature from before it was read. */
interface Loaded {
  readonly seen: string;
  readonly records: ReadonlyMap<string, KeyRecord>;
}

function load(path: string): Loaded {
  const stats = statSync(path);
  try {
    if (!stats.isFile()) throw new TypeError("keyFile: it is no file.");
    if (stats.size > MAX_BYTES) throw new TypeError(`keyFile: it has more than ${MAX_BYTES} bytes.`);
    const list = readKeyList(readFileSync(path));
    const known = indexKeys(list, "keyFile", readRecord);
    const records = new Map([...known].map(([sha256, key], at) => [sha256, kept(list[at], key)]));
    return { seen: signature(stats), records };
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw new KeyFileError(thrown.message.replace(/^keyFile:/, `keyFile: ${path}:`), { cause: thrown });
  }
}

/** The entries of a key file, not checked. Throws a `TypeError` where the bytes are no such file. */
export function readKeyList(bytes: Uint8Array): readonly unknown[] {
  let content: unknown;
  try {
    content = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TypeError("keyFile: it is not valid JSON in UTF-8.", { cause });
  }
  if (!isFields(content)) throw new TypeError('keyFile: it must be { "keys": [ … ] }.');
  onlyKnown(content, ["keys"], "keyFile", "it");
  if (!Array.isArray(content.keys)) throw new TypeError("keyFile: its keys must be a list.");
  return content.keys;
}

function kept(value: unknown, known: KnownKey): KeyRecord {
  // `readRecord` has checked it.
  const record = value as KeyRecord;
  keepChecked(record, known);
  return record;
}

const quietClock: Clock = {
  now: systemClock.now,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
