import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { explainCommand } from "./command.ts";
import { runbook } from "./runbook.ts";
import { BEGAN, sampleLog } from "./sample.test.ts";

const page = new URL("../../../../docs/incidents.md", import.meta.url);

/** Compares a part of the page with what it should be; with `UPDATE_INCIDENTS=1` it writes that. */
function check(part: string, expected: string): void {
  const text = readFileSync(page, "utf8");
  const [begin, end] = [`<!-- ${part}: begin -->\n`, `\n<!-- ${part}: end -->`];
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  assert.ok(text.includes(begin) && to >= from, `the page has a part ${part}`);
  if (process.env.UPDATE_INCIDENTS === "1") writeFileSync(page, text.slice(0, from) + expected + text.slice(to));
  else assert.equal(text.slice(from, to), expected);
}

async function shown(t: { after(fn: () => void): void }, ...args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "gatewright-explain-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "gateway.jsonl");
  writeFileSync(path, sampleLog(3000));
  let out = "";
  const code = await explainCommand([path, ...args], {
    out: (text) => {
      out += text;
    },
    note: assert.fail,
    input: () => assert.fail(),
    inputIsTerminal: false,
    now: () => BEGAN,
    look: { columns: 80, unicode: true, color: false },
  });
  assert.equal(code, 0);
  return `\`\`\`text\n${out}\`\`\``;
}

test("the page has the runbook of the command", () => {
  const rows = Object.entries(runbook).map(([name, { means, party, steps }]) => {
    return `| \`${name}\` | ${means} | ${party} | ${steps.join("<br>")} |`;
  });
  check("runbook", ["| Class | Means | Whose fault | What to do |", "| --- | --- | --- | --- |", ...rows].join("\n"));
});

test("the page shows a summary as it is", async (t) => check("summary", await shown(t)));

test("the page shows an explanation as it is", async (t) => check("one call", await shown(t, "--id", "req-1264")));
