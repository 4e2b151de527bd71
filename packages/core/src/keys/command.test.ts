import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { auth } from "../middleware/auth.ts";
import { chat } from "../testing.ts";
import { keyCommand } from "./command.ts";
import { keyFile } from "./file.ts";
import { hashOf } from "./record.ts";

const NOW = Date.UTC(2026, 0, 1);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

async function run(args: readonly string[], stdin = ""): Promise<Ran> {
  let out = "";
  let notes = "";
  const code = await keyCommand(args, {
    out: (text) => {
      out += text;
    },
    note: (text) => {
      notes += text;
    },
    input: async () => stdin,
    now: () => NOW,
  });
  return { code, out, notes };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "gatewright-keys-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("create shows a key on the first line and its record behind it, and talks elsewhere", async () => {
  const { code, out, notes } = await run(["create", "alice"]);
  assert.equal(code, 0);
  const [key = "", ...lines] = out.split("\n");
  assert.match(key, /^gw_[\w-]{43}$/);
  const hint = `${key.slice(0, 7)}…${key.slice(-4)}`;
  assert.deepEqual(JSON.parse(lines.join("\n")), { name: "alice", sha256: hashOf(key).toString("hex"), hint });
  assert.match(notes, /shown this once/);
  assert.ok(!notes.includes(key));
});

test("no two keys are the same", async () => {
  assert.notEqual((await run(["create", "alice"])).out, (await run(["create", "alice"])).out);
});

test("each option of create is a field of the record", async () => {
  const options = [
    ["--models", "gpt-*, claude-5", "--models", "o9", "--regions", "eu"],
    ["--requests", "30/60s", "--requests", "1000/1d", "--tokens", "100000/2h"],
    ["--concurrency", "5", "--metadata", '{"team":"a"}', "--expires", "90d", "--json"],
  ];
  const { code, out } = await run(["create", "alice", ...options.flat()]);
  assert.equal(code, 0);
  const { key, record } = JSON.parse(out);
  const { sha256, hint, ...rest } = record;
  assert.equal(sha256, hashOf(key).toString("hex"));
  assert.equal(typeof hint, "string");
  assert.deepEqual(rest, {
    name: "alice",
    models: ["gpt-*", "claude-5", "o9"],
    regions: ["eu"],
    limits: [
      { requests: 30, windowMs: 60_000 },
      { requests: 1000, windowMs: 86_400_000 },
      { tokens: 100_000, windowMs: 7_200_000 },
    ],
    concurrency: 5,
    metadata: { team: "a" },
    expiresAt: "2026-04-01T00:00:00.000Z",
  });
});

test("with a file, the key alone is shown and its record added; a gateway takes the key", async (t) => {
  const path = join(folder(t), "keys.json");
  const created = await run(["create", "alice", "--file", path, "--expires", "2100-01-31"]);
  assert.match(created.out, /^gw_[\w-]{43}\n$/);
  await run(["create", "bob", "--file", path]);
  const file = keyFile(path);
  t.after(() => file.close());
  const headers = { "x-api-key": created.out.trim() };
  await auth({ keys: file }).check(chat("Hi", { headers }).call);
});

test("a revoked key stays in its file, disabled", async (t) => {
  const path = join(folder(t), "keys.json");
  for (const name of ["alice", "bob"]) await run(["create", name, "--file", path]);
  for (let time = 0; time < 2; time++) assert.equal((await run(["revoke", "alice", "--file", path])).code, 0);
  const { keys } = JSON.parse(readFileSync(path, "utf8"));
  assert.deepEqual(
    keys.map(({ name, disabled }: { name: string; disabled?: boolean }) => [name, disabled]),
    [
      ["alice", true],
      ["bob", undefined],
    ],
  );
});

test("list shows whose keys there are and what becomes of them", async (t) => {
  const path = join(folder(t), "keys.json");
  await run(["create", "alice", "--file", path, "--models", "gpt-*"]);
  await run(["create", "bob-the-second", "--file", path, "--expires", "1d"]);
  await run(["revoke", "alice", "--file", path]);
  const { out } = await run(["list", "--file", path]);
  const [first = "", second = ""] = out.split("\n");
  assert.match(first, /^alice {11}gw_.{4}….{4} {2}disabled +gpt-\*$/);
  assert.match(second, /^bob-the-second {2}gw_.{4}….{4} {2}good until 2026-01-02T00:00:00.000Z {2}all models$/);
  const listed = JSON.parse((await run(["list", "--file", path, "--json"])).out);
  assert.equal(listed.length, 2);
});

test("hash shows the SHA-256 of what it reads, without the end of its line", async () => {
  const key = "a-key-of-mine-0123456789";
  assert.deepEqual(await run(["hash"], `${key}\n`), { code: 0, out: `${hashOf(key).toString("hex")}\n`, notes: "" });
  assert.match((await run(["hash"], "short")).notes, /short/);
});

test("help is data, and no failure", async () => {
  for (const args of [["--help"], ["help"], ["create", "-h"]]) {
    const { code, out } = await run(args);
    assert.equal(code, 0);
    assert.match(out, /create NAME/);
  }
});

test("a name that is taken, and one that is not there, are refused, and no key is shown", async (t) => {
  const path = join(folder(t), "keys.json");
  await run(["create", "alice", "--file", path]);
  const before = readFileSync(path, "utf8");
  const again = await run(["create", "alice", "--file", path]);
  assert.deepEqual([again.code, again.out], [1, ""]);
  assert.match(again.notes, /has a key of the name "alice" already/);
  assert.match((await run(["revoke", "bob", "--file", path])).notes, /has no key of that name/);
  assert.match((await run(["revoke", "bob", "--file", `${path}x`])).notes, /there is no such file/);
  assert.equal((await run(["list", "--file", `${path}x`])).code, 1);
  assert.equal(readFileSync(path, "utf8"), before);
});

const MEANINGLESS: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /Name a command/],
  [["delete"], /no such command/],
  [["create"], /Give one name/],
  [["create", "a", "b"], /Give one name/],
  [["create", ""], /name must be/],
  [["create", "a", "--model", "x"], /--model/],
  [["create", "a", "--models", ""], /--models must be a list/],
  [["create", "a", "--models", "x,,y"], /--models must be a list/],
  [["create", "a", "--requests", "30"], /--requests must be a limit like 30\/60s/],
  [["create", "a", "--requests", "30/60"], /--requests must be a limit/],
  [["create", "a", "--tokens", "0/60s"], /--tokens must be a limit/],
  [["create", "a", "--concurrency", "-1"], /concurrency/],
  [["create", "a", "--concurrency", "1.5"], /--concurrency must be a whole number/],
  [["create", "a", "--metadata", "team=a"], /--metadata must be a JSON object/],
  [["create", "a", "--expires", "soon"], /expiresAt must be a date/],
  [["create", "a", "--expires", "2025-01-31"], /--expires must be in the future/],
  [["create", "a", "--expires", "999999999d"], /--expires is too far away/],
  [["create", "a", "--file", ""], /--file must name a file/],
  [["list"], /Say which file/],
  [["list", "alice", "--file", "x"], /list takes no name/],
  [["revoke", "alice"], /Say which file/],
  [["revoke", "alice", "--models", "x", "--file", "x"], /--models means nothing to revoke/],
  [["hash", "a-key"], /standard input/],
  [["hash"], /A key has 1 to 512/],
];

for (const [args, message] of MEANINGLESS) {
  test(`no meaning: ${args.join(" ")}`, async () => {
    const { code, out, notes } = await run(args);
    assert.equal(code, 2, notes);
    assert.equal(out, "");
    assert.match(notes, message);
  });
}
