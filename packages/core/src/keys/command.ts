import { UsageError } from "../command-line.ts";
import { readArguments } from "./arguments.ts";
import { createKey } from "./create.ts";
import { editKeyFile, KeyEditError, readKeyFile } from "./edit.ts";
import { hashOf, type KeyRecord, MAX_KEY_CHARS, readRecord } from "./record.ts";

/** What a command reads and writes. */
export interface Terminal {
  /** Data, such as a new key: what a pipe is to carry on. */
  readonly out: (text: string) => void;
  /** What is said about it, to people. */
  readonly note: (text: string) => void;
  /** All of the standard input, up to a bound. */
  readonly input: () => Promise<string>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const HELP = `gatewright-keys: makes and manages the API keys of a gateway.

  create NAME   Makes a key, shows it once, and shows its record or adds it to --file.
      --models gpt-*,claude-*    the models it may use; default all
      --regions eu               the regions it may use; default all
      --expires 90d|2027-01-31   when it expires (a date: as that day begins, UTC); default never
      --requests 30/60s          at most so many requests in that time; may be repeated
      --tokens 100000/1h         at most so many tokens in that time; may be repeated
      --concurrency 5            at most so many calls at once
      --metadata '{"team":"a"}'  whatever else is to be known of it
      --file keys.json           adds the record to this file, which is made if need be
      --json                     shows { "key", "record" } as JSON
  list          Shows the keys of a file.
      --file keys.json [--json]
  revoke NAME   Disables a key of a file.
      --file keys.json
  hash          Reads a key from the standard input and shows its SHA-256, for a record.

The key goes to the standard output, notes go to the standard error.
`;

/**
 * Runs the command with its arguments. Answers the exit code: 0 done, 1 it could not be done, 2 the arguments mean
 * nothing. Does not reject for any of these.
 */
export async function keyCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const [command, ...rest] = args;
    const asksHelp = args.includes("--help") || args.includes("-h") || command === "help";
    if (asksHelp) terminal.out(HELP);
    else if (command === "create") create(rest, terminal);
    else if (command === "list") list(rest, terminal);
    else if (command === "revoke") revoke(rest, terminal);
    else if (command === "hash") await hash(rest, terminal);
    else throw new UsageError(command === undefined ? "Name a command." : "There is no such command.");
    return 0;
  } catch (thrown) {
    if (thrown instanceof UsageError) {
      terminal.note(`gatewright-keys: ${thrown.message}\nCommands: create, list, revoke, hash. --help tells more.\n`);
      return 2;
    }
    if (!(thrown instanceof KeyEditError)) throw thrown;
    terminal.note(`gatewright-keys: ${thrown.message}\n`);
    return 1;
  }
}

function create(args: readonly string[], { out, note, now }: Terminal): void {
  const { words, facts, file, json } = readArguments("create", args, now());
  const { key, facts: own } = createKey();
  const record = recordOf({ name: onlyName(words), ...facts, ...own }, now());
  if (file !== undefined) {
    editKeyFile(file, (records) => {
      if (!records.some(({ name }) => name === record.name)) return [...records, record];
      throw new KeyEditError(`${file} has a key of the name "${record.name}" already.`);
    });
    note(`"${record.name}" was added to ${file}.\n`);
  }
  if (json) {
    out(`${JSON.stringify({ key, record }, null, 2)}\n`);
    return;
  }
  note(`The key of "${record.name}". It is shown this once and kept nowhere:\n`);
  out(`${key}\n`);
  if (file !== undefined) return;
  note("Its record, for the list of keys of auth or for a key file:\n");
  out(`${JSON.stringify(record, null, 2)}\n`);
}

function list(args: readonly string[], { out, now }: Terminal): void {
  const { words, file, json } = readArguments("list", args, now());
  if (words.length > 0) throw new UsageError("list takes no name.");
  const records = readKeyFile(needed(file));
  if (json) {
    out(`${JSON.stringify(records, null, 2)}\n`);
    return;
  }
  const rows = records.map((record) => [
    record.name,
    record.hint ?? record.sha256.slice(0, 12),
    stateOf(record, now()),
    record.models?.join(",") ?? "all models",
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) out(`${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ")}\n`);
}

function revoke(args: readonly string[], { note, now }: Terminal): void {
  const { words, file } = readArguments("revoke", args, now());
  const name = onlyName(words);
  const path = needed(file);
  readKeyFile(path);
  editKeyFile(path, (records) => {
    if (!records.some((record) => record.name === name)) throw new KeyEditError(`${path} has no key of that name.`);
    return records.map((record) => (record.name === name ? { ...record, disabled: true } : record));
  });
  note(`"${name}" is disabled in ${path}.\n`);
}

async function hash(args: readonly string[], { out, note, input, now }: Terminal): Promise<void> {
  const { words } = readArguments("hash", args, now());
  // A list of commands is kept by shells, and seen by everybody on the machine.
  if (words.length > 0) throw new UsageError("hash takes the key from the standard input, not as an argument.");
  const key = (await input()).trim();
  if (key === "" || key.length > MAX_KEY_CHARS) throw new UsageError(`A key has 1 to ${MAX_KEY_CHARS} characters.`);
  if (key.length < SHORT) note(`This key is short. One of ${SHORT} random characters or more cannot be guessed.\n`);
  out(`${hashOf(key).toString("hex")}\n`);
}

const SHORT = 22;

function onlyName(words: readonly string[]): string {
  const [name, ...others] = words;
  if (name === undefined || others.length > 0) throw new UsageError("Give one name.");
  return name;
}

function needed(file: string | undefined): string {
  if (file === undefined) throw new UsageError("Say which file: --file keys.json.");
  return file;
}

/** The record, checked as a gateway will check it. */
function recordOf(fields: Readonly<Record<string, unknown>>, now: number): KeyRecord {
  try {
    const { expiresAtMs } = readRecord(fields, "create", "the key");
    if (expiresAtMs <= now) throw new TypeError("create: --expires must be in the future.");
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw new UsageError(thrown.message);
  }
  // It was checked just now.
  return fields as unknown as KeyRecord;
}

function stateOf(record: KeyRecord, now: number): string {
  const { disabled, expiresAtMs } = readRecord(record, "list", record.name);
  if (disabled) return "disabled";
  if (expiresAtMs === Number.POSITIVE_INFINITY) return "good";
  return `${expiresAtMs <= now ? "expired" : "good until"} ${new Date(expiresAtMs).toISOString()}`;
}
