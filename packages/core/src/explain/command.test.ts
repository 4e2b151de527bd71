import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { CallRecord } from "../records/record.ts";
import { explainCommand, type Terminal } from "./command.ts";
import { BEGAN, errorOf, record, sampleLog } from "./sample.test.ts";

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly notes: string;
}

async function run(
  args: readonly string[],
  stdin: string | Buffer = "",
  changes: Partial<Terminal> = {},
): Promise<Ran> {
  let out = "";
  let notes = "";
  const code = await explainCommand(args, {
    out: (text) => {
      out += text;
    },
    note: (text) => {
      notes += text;
    },
    input: async function* () {
      yield Buffer.from(stdin);
    },
    inputIsTerminal: false,
    now: () => BEGAN + 3_600_000,
    look: { columns: 80, unicode: true, color: false },
    ...changes,
  });
  return { code, out, notes };
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "gatewright-explain-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function lines(...facts: readonly Partial<CallRecord>[]): string {
  return facts.map((each) => `${JSON.stringify(record(each))}\n`).join("");
}

const broke = {
  request_id: "broke",
  outcome: "failed",
  status: 503,
  error: errorOf("llm.provider.overloaded"),
} as const;

test("a log is summed up from files, packed or not, and from the standard input alike", async (t) => {
  const [plain, packed] = [join(folder(t), "log.jsonl"), join(folder(t), "log.jsonl.gz")];
  const log = sampleLog(500);
  writeFileSync(plain, log);
  writeFileSync(packed, gzipSync(log));
  const { code, out, notes } = await run([plain]);
  assert.deepEqual([code, notes], [0, ""]);
  assert.match(out, /^500 calls, 2026-03-04 12:00:\d\d to 2026-03-04 12:\d\d:\d\d UTC\n\d+ errors, /);
  for (const heading of ["All calls", "Over time, UTC", "Failures by class", "By provider", "By model"])
    assert.ok(out.includes(`\n${heading}\n`), heading);
  assert.equal((await run([packed])).out, out);
  assert.equal((await run([], log)).out, out);
  assert.equal((await run(["-"], gzipSync(log))).out, out);
  assert.match((await run([plain, packed])).out, /^1,000 calls/);
});

test("lines that are no records are counted and passed over", async () => {
  const pino = `${JSON.stringify({ level: 30, ...record(), time: BEGAN, pid: 1, hostname: "x", msg: "call" })}\n`;
  const others = `listening\n{"level":30,"msg":"up"}\n[1]\n{"torn":\n${"x".repeat(1 << 21)}\n\n{"request_id":"a","outcome":"completed"}\n`;
  const { code, out } = await run([], pino + others + lines({}));
  assert.equal(code, 0);
  assert.match(out, /8 lines, 2 records\. Passed over: 4 no record of a call, 1 broken JSON, 1 above\s+1 MiB\./);
});

test("--id explains one call", async () => {
  const { code, out } = await run(["--id", "broke"], lines({}, broke, { ...broke, request_id: "too" }));
  assert.equal(code, 0);
  assert.match(out, /^Call broke\nfailed, llm\.provider\.overloaded, at 2026-03-04 12:00:00 UTC\./);
  for (const said of [
    /class +upstream/,
    /whose fault +provider/,
    /send again +yes\./,
    /\+0\.000 s +call of key alice/,
    /status page/,
  ])
    assert.match(out, said);
  assert.match(out, / all +2 +1 +1 +1 +1\n/);
});

test("--since and --until choose by when a call began", async () => {
  const at = (minute: number): Partial<CallRecord> => ({
    time: new Date(BEGAN + minute * 60_000).toISOString(),
    request_id: `at-${minute}`,
  });
  const log = lines(at(0), at(30), at(59));
  const count = async (...args: string[]): Promise<string | undefined> => /^\d+/.exec((await run(args, log)).out)?.[0];
  assert.equal(await count("--since", "30m"), "2");
  assert.equal(await count("--until", "30m"), "2");
  assert.equal(await count("--since", "2026-03-04T12:31"), "1");
  assert.equal(await count("--since", "1h", "--until", "2026-03-04T12:59:30Z"), "3");
  assert.match((await run(["--since", "5m"], log)).out, /Passed over: 2 of another time/);
  const { code, notes } = await run(["--since", "5m", "--id", "at-0"], log);
  assert.deepEqual(
    [code, notes],
    [
      1,
      "gatewright-explain: There is no record of the id at-0 in the standard input, in the time that was asked for.\n",
    ],
  );
});

test("--by groups failures by something else", async () => {
  assert.match(
    (await run(["--by", "code"], lines({}, broke))).out,
    /\n {2}code .*\n {2}llm\.provider\.overloaded +1 +50\.0 %/,
  );
  const bob = { caller: "key bob" };
  const { out } = await run(["--by", "caller"], lines({}, broke, bob, bob));
  assert.match(out, /\n {2}caller +errors +of its calls .*\n {2}key alice +1 +50\.0 % /);
});

test("--json is what was found, for programs", async () => {
  const summary = JSON.parse((await run(["--json"], lines({}, broke))).out);
  assert.deepEqual([summary.totals.calls, summary.failures[0].name, summary.read.records], [2, "upstream", 2]);
  const { again, radius, nearby } = JSON.parse((await run(["--json", "--id", "broke"], lines({}, broke))).out);
  assert.deepEqual([again.answer, radius.reach, nearby.scopes.everything.completed], ["yes", "call", 1]);
});

test("--html writes a page, and over none that is there", async (t) => {
  const page = join(folder(t), "page.html");
  const model = "<script>alert(1)</script>";
  const { code, out, notes } = await run(["--html", page], lines({ model }));
  assert.deepEqual([code, out, notes], [0, "", `The page is in ${page}.\n`]);
  assert.match(readFileSync(page, "utf8"), /&lt;script&gt;alert\(1\)/);
  assert.doesNotMatch(readFileSync(page, "utf8"), /<script/);
  writeFileSync(page, "mine");
  const again = await run(["--html", page], lines({}));
  assert.deepEqual([again.code, readFileSync(page, "utf8")], [2, "mine"]);
  assert.match(again.notes, /page\.html is there already\. Name another file for --html, or add --force/);
  assert.equal((await run(["--html", page, "--force", "--id", "req-1"], lines({ model }))).code, 0);
  assert.match(readFileSync(page, "utf8"), /<title>Call req-1 – Gatewright<\/title>[\s\S]*for &lt;script&gt;/);
});

test("--html spares the log even with --force, and names a folder that is not there", async (t) => {
  const log = join(folder(t), "log.jsonl");
  writeFileSync(log, lines({}));
  const { size } = statSync(log);
  assert.match((await run([log, "--html", log, "--force"])).notes, /which is a log to be read/);
  assert.equal(statSync(log).size, size);
  const { code, notes } = await run([log, "--html", join(log, "..", "none", "page.html")]);
  assert.equal(code, 2);
  assert.match(notes, /cannot be written to .*page\.html: ENOENT/);
  await run([log, "--id", "none", "--html", `${log}.html`]);
  assert.equal(existsSync(`${log}.html`), false);
});

test("nothing found is 1, and says what was read", async (t) => {
  const none = await run([], "hello\n");
  assert.deepEqual([none.code, none.out], [1, ""]);
  assert.match(none.notes, /There is no record of a call\. 1 line, 0 records\. Passed over: 1 no record/);
  const log = join(folder(t), "log.jsonl");
  writeFileSync(log, lines({}));
  const { code, notes } = await run([log, "--id", "\u001b[2Jgone"]);
  assert.deepEqual([code, notes], [1, `gatewright-explain: There is no record of the id [2Jgone in ${log}.\n`]);
});

test("help is data; without a log to read it is shown, too", async () => {
  for (const [args, inputIsTerminal] of [
    [["--help"], false],
    [["x", "-h"], false],
    [[], true],
  ] as const) {
    const { code, out } = await run(args, "", { inputIsTerminal });
    assert.deepEqual([code, /--id REQUEST_ID/.test(out)], [0, true]);
  }
});

test("a long read shows how far it is, once a second, and cleans up", async () => {
  const shown: string[] = [];
  let now = 0;
  const input = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < 25; at++) yield Buffer.from(lines({}).padStart(1e6));
  };
  const { code } = await run([], "", { input, now: () => (now += 100), progress: (text) => shown.push(text) });
  assert.equal(code, 0);
  assert.deepEqual([shown.length, shown[0], shown.at(-1)], [3, "\r\u001b[K10 MB, 10 lines", "\r\u001b[K"]);
});

const MEANINGLESS: readonly (readonly [readonly string[], RegExp])[] = [
  [["--since", "soon"], /--since must be a time like .* or so long ago like 15m, 2h or 3d/],
  [["--until", "1h", "--since", "30m"], /--since must not be after --until/],
  [["--by", "colour"], /--by must be one of class, code, provider, model, caller, status/],
  [["--by", "code", "--id", "x"], /--by means nothing with --id/],
  [["--id", ""], /--id must be a request id/],
  [["--id"], /--id/],
  [["--html", ""], /--html must name a file/],
  [["--html", "-"], /--html must name a file/],
  [["--force"], /--force means nothing without --html/],
  [["--json", "--html", "/tmp/x.html"], /--json and --html exclude each other/],
  [["--jsn"], /There is no option --jsn\. Options: --id, --since, --until, --by, --html, --force, --json, --help\.\n/],
  [["-", "-"], /only once/],
  [[""], /A file must have a name/],
  [["/nowhere/log.jsonl"], /\/nowhere\/log\.jsonl: there is no such file/],
  [["/"], /\/ is a folder/],
];

for (const [args, message] of MEANINGLESS) {
  test(`no use: ${args.join(" ")}`, async () => {
    const { code, out, notes } = await run(args, lines({}));
    assert.deepEqual([code, out], [2, ""], notes);
    assert.match(notes, message);
  });
}

test("a person at the standard input is asked for a file", async () => {
  const { code, notes } = await run(["--by", "code"], "", { inputIsTerminal: true });
  assert.deepEqual([code, /Name a file/.test(notes)], [2, true]);
});

test("a log of failed calls alone is said to be one", async () => {
  const log = lines(...Array.from({ length: 5 }, (_, at) => ({ ...broke, request_id: `broke-${at}` })));
  const summary = (await run([], log)).out.replaceAll("\n", " ");
  assert.match(
    summary,
    /5 errors, 100 % of all calls\. .* in the standard input none completed: those that did may have been left out/,
  );
  const more = log + lines(broke);
  assert.match(
    (await run(["--id", "broke"], more)).out.replace(/\s+/g, " "),
    /None of all completed: those that did may have been left out/,
  );
});
