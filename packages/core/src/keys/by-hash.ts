import type { KnownKey } from "./record.ts";

/** Checks one entry. Throws a `TypeError` that names the field, as one of `path`. */
type Read = (value: unknown, part: string, path: string) => KnownKey;

/**
 * Checks a list of keys, and answers them by their hashes in hex, in their order. Throws a `TypeError` that names the
 * entry and the field; also where a name or a key is given twice.
 */
export function indexKeys(list: readonly unknown[], part: string, read: Read): Map<string, KnownKey> {
  const byHash = new Map<string, KnownKey>();
  const names = new Map<string, number>();
  for (const [index, value] of list.entries()) {
    const path = `keys[${index}]`;
    const known = read(value, part, path);
    const { name } = known.caller;
    const sha256 = known.hash.toString("hex");
    const same = names.get(name);
    if (same !== undefined) throw new TypeError(`${part}: ${path}.name is given twice: keys[${same}] has it.`);
    if (byHash.has(sha256)) throw new TypeError(`${part}: ${path} is a key that is given twice, as "${name}" as well.`);
    names.set(name, index);
    byHash.set(sha256, known);
  }
  return byHash;
}
