import { hash } from "node:crypto";
import type { Caller } from "../caller.ts";
import { isFields } from "../json.ts";
import { CALLER_FIELDS, readCaller } from "./caller.ts";

/** What is known of a key, and what its caller may do. It holds the hash of the key, never the key. */
export interface KeyRecord extends Omit<Caller, "kind"> {
  /** The SHA-256 of the key, as 64 hex digits. */
  readonly sha256: string;
  /**
   * From when on the key is refused; left out: never. A `Date`, or a date in ISO's form: `2027-01-31` (when that day
   * begins in UTC) or `2027-01-31T18:00:00Z`.
   */
  readonly expiresAt?: string | Date;
  /** Whether the key is refused; default false. */
  readonly disabled?: boolean;
  /** How the key begins and ends, for people to recognise it by. */
  readonly hint?: string;
}

/** A key, and what its caller may do: the facts of a record, with the secret itself or with its hash. */
export type ApiKey = Omit<KeyRecord, "sha256"> &
  (
    | {
        /** The secret, up to 512 characters. Only its SHA-256 is kept, so make it of 16 random bytes at least. */
        readonly key: string;
        readonly sha256?: never;
      }
    | { readonly sha256: string; readonly key?: never }
  );

/** A record that was checked. */
export interface KnownKey {
  readonly hash: Buffer;
  readonly caller: Caller;
  /** Milliseconds since 1970; Infinity: never. */
  readonly expiresAtMs: number;
  readonly disabled: boolean;
}

/** How long a key may be, in characters. */
export const MAX_KEY_CHARS = 512;

/** The SHA-256 of a key. */
export function hashOf(key: string): Buffer {
  return hash("sha256", key, "buffer");
}

/** Checks a key as it is listed. Throws a `TypeError` that names the field, as one of `path`; it never holds the key. */
export function readApiKey(value: unknown, part: string, path: string): KnownKey {
  if (!isFields(value)) throw new TypeError(`${part}: ${path} must be an object.`);
  const { key, ...facts } = value;
  if ((key === undefined) === (facts.sha256 === undefined)) {
    throw new TypeError(`${part}: ${path} must have either key or sha256.`);
  }
  if (key === undefined) return readRecord(facts, part, path);
  if (typeof key !== "string" || key === "" || key.length > MAX_KEY_CHARS || key.trim() !== key || CONTROL.test(key)) {
    const what = `1 to ${MAX_KEY_CHARS} characters, none of them a control character, and no white space at its ends`;
    throw new TypeError(`${part}: ${path}.key must be ${what}.`);
  }
  return readRecord({ ...facts, sha256: hashOf(key).toString("hex") }, part, path);
}

/** Checks a record. Throws a `TypeError` that names the field, as one of `path`. */
export function readRecord(value: unknown, part: string, path: string): KnownKey {
  if (!isFields(value)) throw new TypeError(`${part}: ${path} must be an object.`);
  const known = checked.get(value);
  if (known) return known;
  const { sha256, expiresAt, disabled = false, hint, ...rest } = value;
  const field = (name: string): string => `${part}: ${path}.${name}`;
  const caller = readCaller(rest, part, path, [...CALLER_FIELDS, "sha256", "expiresAt", "disabled", "hint"]);
  if (typeof sha256 !== "string" || !/^[\da-f]{64}$/i.test(sha256)) {
    throw new TypeError(`${field("sha256")} must be the 64 hex digits of a SHA-256.`);
  }
  if (typeof disabled !== "boolean") throw new TypeError(`${field("disabled")} must be true or false.`);
  if (hint !== undefined && (typeof hint !== "string" || hint.length > 64 || CONTROL.test(hint))) {
    throw new TypeError(`${field("hint")} must be a text of up to 64 characters.`);
  }
  const expiresAtMs = expiresAt === undefined ? Number.POSITIVE_INFINITY : dateMs(expiresAt);
  if (Number.isNaN(expiresAtMs)) {
    throw new TypeError(`${field("expiresAt")} must be a date like 2027-01-31 or 2027-01-31T18:00:00Z.`);
  }
  return { hash: Buffer.from(sha256, "hex"), caller, expiresAtMs, disabled };
}

const checked = new WeakMap<object, KnownKey>();

/** Freezes a record and remembers that it was checked, so that `readRecord` need not do it at each call. */
export function keepChecked(record: KeyRecord, known: KnownKey): void {
  checked.set(Object.freeze(record), known);
}

const CONTROL = /\p{Cc}/u;

/** A date as milliseconds since 1970; NaN for what is none. A time needs its zone, and a day must be one of its month. */
function dateMs(value: unknown): number {
  if (value instanceof Date) return value.getTime();
  const isDate = typeof value === "string" && DATE.exec(value);
  if (!isDate) return Number.NaN;
  const [, day = ""] = isDate;
  const midnight = new Date(`${day}T00:00:00Z`);
  const exists = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  return exists ? Date.parse(value) : Number.NaN;
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;
