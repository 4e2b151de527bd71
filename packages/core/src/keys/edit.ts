import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { indexKeys } from "./by-hash.ts";
import { readKeyList } from "./file.ts";
import { type KeyRecord, readRecord } from "./record.ts";

/** A key file that cannot be read, changed or written; the message names it. */
export class KeyEditError extends Error {
  override readonly name = "KeyEditError";
}

/** The records of a key file. Throws a `KeyEditError`. */
export function readKeyFile(path: string): readonly KeyRecord[] {
  const content = contentOf(path);
  if (content === undefined) throw new KeyEditError(`${path}: there is no such file.`);
  return checked(path, () => readKeyList(content));
}

/**
 * Changes the records of a key file, or makes one that is only its owner's to read. Whoever reads it meanwhile sees the
 * old file or the new one, whole; two that change it at once do not lose what the other did: the second is refused.
 * Throws a `KeyEditError`, also for what `change` throws one for; the file then stays as it was.
 */
export function editKeyFile(path: string, change: (records: readonly KeyRecord[]) => readonly KeyRecord[]): void {
  const target = contentOf(path) === undefined ? path : realpathSync(path);
  const temporary = `${target}.new`;
  const descriptor = openNew(temporary);
  try {
    // Read only now: from here on nobody else writes it.
    const before = contentOf(target);
    const records = change(before === undefined ? [] : checked(path, () => readKeyList(before)));
    checked(path, () => records);
    if (before !== undefined) keepReaders(target, descriptor);
    writeFileSync(descriptor, `${JSON.stringify({ keys: records }, null, 2)}\n`);
    fsyncSync(descriptor);
    renameSync(temporary, target);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw asEditError(path, thrown);
  } finally {
    closeSync(descriptor);
  }
}

/** Whoever may read the old file, such as the gateway's own user, must be able to read the new one. */
function keepReaders(path: string, descriptor: number): void {
  const { mode, uid, gid } = statSync(path);
  const own = fstatSync(descriptor);
  if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
  fchmodSync(descriptor, mode & 0o777);
}

function contentOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw asEditError(path, thrown);
  }
}

/** Opens a file that must not be there yet: as long as it is, no one else can do the same. */
function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw asEditError(path, thrown);
    throw new KeyEditError(`${path} is there: another command writes the keys. If none does, delete it and try again.`);
  }
}

function checked(path: string, list: () => readonly unknown[]): readonly KeyRecord[] {
  try {
    const records = list();
    indexKeys(records, "keyFile", readRecord);
    // Each of them was checked.
    return records as readonly KeyRecord[];
  } catch (thrown) {
    throw asEditError(path, thrown);
  }
}

function asEditError(path: string, thrown: unknown): KeyEditError {
  if (thrown instanceof KeyEditError) return thrown;
  const message = thrown instanceof Error ? thrown.message.replace(/^keyFile: /, "") : String(thrown);
  return new KeyEditError(`${path}: ${message}`, { cause: thrown });
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}
