import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { chaosFaults } from "./chaos.ts";
import { markdownTable } from "./directive-table.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** A table without what a formatter does to its columns. */
const plain = (text: string) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");

test("the README has the table of directives as it is", () => {
  assert.ok(plain(readme).includes(`\n${plain(markdownTable())}\n`), `The table should be:\n\n${markdownTable()}\n`);
});

test("the README lists what chaos picks from", () => {
  for (const fault of [...chaosFaults.any, ...chaosFaults.stream]) assert.ok(readme.includes(`\`${fault}\``), fault);
});
