import { readOptions, UsageError } from "../command-line.ts";
import { isFields } from "../json.ts";
import { type OwnLimit, readDuration, readWindow } from "../limits/limit.ts";

/** What is said of a key on the command line. */
export interface KeyArguments {
  /** What is not an option: the name of the key. */
  readonly words: readonly string[];
  /** The fields of a record that the options stand for. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly file: string | undefined;
  readonly json: boolean;
}

const text = { type: "string" } as const;
const texts = { type: "string", multiple: true } as const;
const OPTIONS = {
  models: texts,
  regions: texts,
  expires: text,
  requests: texts,
  tokens: texts,
  concurrency: text,
  metadata: text,
  file: text,
  json: { type: "boolean" },
} as const;

/** The options of each command. */
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  create: Object.keys(OPTIONS),
  list: ["file", "json"],
  revoke: ["file"],
  hash: [],
};

/** Reads the arguments of a command. Throws a `UsageError`; `now` is in milliseconds since 1970. */
export function readArguments(command: string, args: readonly string[], now: number): KeyArguments {
  const { values, positionals } = readOptions(args, OPTIONS);
  const taken = TAKEN[command] ?? [];
  const odd = Object.keys(values).find((name) => !taken.includes(name));
  if (odd !== undefined) throw new UsageError(`--${odd} means nothing to ${command}.`);
  const { models, regions, expires, requests, tokens, concurrency, metadata, file, json = false } = values;
  if (file === "") throw new UsageError("--file must name a file.");
  const limits = [
    ...(requests ?? []).map((written) => limitOf("requests", written)),
    ...(tokens ?? []).map((written) => limitOf("tokens", written)),
  ];
  const facts = {
    ...(models && { models: listOf("models", models) }),
    ...(regions && { regions: listOf("regions", regions) }),
    ...(limits.length > 0 && { limits }),
    ...(concurrency !== undefined && { concurrency: wholeOf("concurrency", concurrency) }),
    ...(metadata !== undefined && { metadata: objectOf("metadata", metadata) }),
    ...(expires !== undefined && { expiresAt: dateOf("expires", expires, now) }),
  };
  return { words: positionals, facts, file, json };
}

function listOf(option: string, written: readonly string[]): string[] {
  const list = written.flatMap((part) => part.split(",")).map((part) => part.trim());
  if (list.includes("")) throw new UsageError(`--${option} must be a list like a,b with nothing empty in it.`);
  return list;
}

function wholeOf(option: string, written: string): number {
  if (!/^\d{1,15}$/.test(written)) throw new UsageError(`--${option} must be a whole number.`);
  return Number(written);
}

function objectOf(option: string, written: string): object {
  try {
    const value: unknown = JSON.parse(written);
    if (isFields(value)) return value;
  } catch {
    // Said below.
  }
  throw new UsageError(`--${option} must be a JSON object like '{"team":"a"}'.`);
}

/** `30/60s`: so many within so long. */
function limitOf(counted: "requests" | "tokens", written: string): OwnLimit {
  const window = readWindow(written);
  if (!window) throw new UsageError(`--${counted} must be a limit like 30/60s, with s, m, h or d.`);
  const { amount, windowMs } = window;
  return counted === "requests" ? { requests: amount, windowMs } : { tokens: amount, windowMs };
}

function dateOf(option: string, written: string, now: number): string {
  const duration = readDuration(written);
  if (duration === undefined) return written;
  const date = new Date(now + duration);
  if (Number.isNaN(date.getTime())) throw new UsageError(`--${option} is too far away.`);
  return date.toISOString();
}
