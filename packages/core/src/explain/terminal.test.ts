import assert from "node:assert/strict";
import { test } from "node:test";
import { lookOf } from "./look.ts";
import type { Page } from "./page.ts";
import { widthOf } from "./printable.ts";
import { terminalText } from "./terminal.ts";
import { tableLines } from "./terminal-table.ts";

const plain = { mark: "…", emphasis: (text: string): string => text };
const head = [{ title: "model" }, { title: "calls", side: "right" }, { title: "code", spare: true }] as const;
const rows = [
  ["gpt-5-mini-2026-01-01", "12", "llm.provider.overloaded"],
  ["模型", "3,456", "–"],
];

test("a table has its columns below each other", () => {
  assert.deepEqual(tableLines(head, rows, { columns: 80, ...plain }), [
    "model                  calls  code",
    "gpt-5-mini-2026-01-01     12  llm.provider.overloaded",
    "模型                   3,456  –",
  ]);
});

test("where there is no room a spare column is left out, and then text is cut", () => {
  assert.deepEqual(tableLines(head, rows, { columns: 40, ...plain }), [
    "model                  calls",
    "gpt-5-mini-2026-01-01     12",
    "模型                   3,456",
  ]);
  assert.deepEqual(tableLines(head, rows, { columns: 20, ...plain })[1], "gpt-5-mini-2…     12");
});

test("long text gives way before a column is left out, and numbers never do", () => {
  const long = [["m".repeat(60), "1,234,567,890", "llm.provider.overloaded"]];
  assert.deepEqual(
    tableLines(head, long, { columns: 70, ...plain })[1],
    `${"m".repeat(29)}…  1,234,567,890  llm.provider.overloaded`,
  );
  assert.deepEqual(tableLines(head, long, { columns: 10, ...plain })[1], "mmmmm…  1,234,567,890");
});

const hostile = "gpt\u001b]0;gone\u0007\u001b[2J\n\u202e模型";
const page: Page = {
  title: `Call ${hostile}`,
  lead: "words ".repeat(40),
  sections: [
    {
      title: hostile,
      blocks: [
        { kind: "text", text: hostile },
        { kind: "list", items: [hostile.repeat(30)] },
        { kind: "facts", facts: [[hostile, "x".repeat(500)]] },
        {
          kind: "table",
          caption: "c",
          columns: [{ title: hostile }, { title: "n", side: "right" }],
          rows: [[hostile.repeat(9), "1"]],
        },
        { kind: "plot", caption: "c", series: { fromMs: 0, stepMs: 60_000, buckets: [{ calls: 2, errors: 1 }] } },
      ],
    },
  ],
};

test("no text of a log commands the terminal, and no line is wider than it", () => {
  for (const columns of [50, 80, 160]) {
    const text = terminalText(page, { columns, unicode: true, color: false });
    assert.doesNotMatch(text.replaceAll("\n", ""), /\p{C}/u);
    for (const line of text.split("\n")) assert.ok(widthOf(line) <= columns, line);
    assert.doesNotMatch(text, / $/m);
  }
});

test("ASCII is ASCII, and the only escapes are the command's own colours", () => {
  assert.match(terminalText(page, { columns: 80, unicode: false, color: false }), /^[\n -~]*$/);
  const colored = terminalText(page, { columns: 80, unicode: true, color: true });
  const own = ["0", "1", "2", "31"].map((code) => `\u001b[${code}m`);
  assert.ok(colored.includes(`${own[1]}Call gpt`) && colored.includes(`${own[3]}█`));
  const rest = own.reduce((text, code) => text.replaceAll(code, ""), colored);
  assert.doesNotMatch(rest.replaceAll("\n", ""), /\p{C}/u);
});

test("a terminal is what its environment says", () => {
  const utf8 = { LANG: "en_US.UTF-8" };
  assert.deepEqual(lookOf(utf8, { isTTY: true, columns: 120 }), { columns: 120, unicode: true, color: true });
  assert.deepEqual(lookOf({ ...utf8, LC_ALL: "C" }, {}), { columns: 80, unicode: false, color: false });
  assert.equal(lookOf({ ...utf8, NO_COLOR: "1" }, { isTTY: true }).color, false);
  assert.equal(lookOf({ ...utf8, NO_COLOR: "" }, { isTTY: true }).color, true);
  assert.equal(lookOf({ ...utf8, TERM: "dumb" }, { isTTY: true }).color, false);
  assert.deepEqual(
    [1, 9999].map((columns) => lookOf(utf8, { columns }).columns),
    [50, 160],
  );
});

test("a stack keeps its lines, and its words are whole", () => {
  const path = `/srv/${"folder/".repeat(10)}file.ts:12:3`;
  const facts = [["cause", `Error: it broke\n    at run (${path})\r\n    at \u001b[2Jnext`, "lines"]] as const;
  const stack: Page = { title: "t", lead: "l", sections: [{ title: "s", blocks: [{ kind: "facts", facts }] }] };
  assert.deepEqual(terminalText(stack, { columns: 60, unicode: true, color: false }).split("\n").slice(4), [
    "  cause  Error: it broke",
    "           at run",
    `             (${path})`,
    "           at [2Jnext",
    "",
  ]);
});

test("the outcome has a colour", () => {
  const done: Page = { title: "t", tone: "good", lead: "completed, at noon.", sections: [] };
  assert.ok(
    terminalText(done, { columns: 80, unicode: true, color: true }).includes("\u001b[32mcompleted\u001b[0m, at"),
  );
  assert.ok(terminalText(done, { columns: 80, unicode: true, color: false }).includes("\ncompleted, at noon."));
});
