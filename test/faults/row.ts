import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "./caller.ts";
import { KEY, type Lab, type LabOptions, startLab } from "./lab.ts";

/** A fault, and what a gateway makes of it. */
export interface Row {
  /** Its number in the table. */
  readonly row: string;
  readonly phase: string;
  readonly fault: string;
}

/** What was done, and what came back, as the table tells it. */
export interface Seen {
  readonly done: string;
  readonly back: string;
}

/** Runs a fault in a lab of its own, looks that nothing is left of it, and compares what was seen with the table. */
export function row(facts: Row, options: LabOptions, run: (lab: Lab) => Promise<Seen>): void {
  test(`${facts.row}: ${facts.phase}: ${facts.fault}`, { timeout: 20_000 }, async () => {
    const before = resources();
    const unhandled: unknown[] = [];
    const unheard = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", unheard).on("uncaughtException", unheard);
    const lab = await startLab(options);
    try {
      const seen = await run(lab);
      await lab.settled();
      assert.equal(JSON.stringify(lab.log).includes(KEY), false, "the key is logged");
      assert.equal(new Set(lab.log.map(({ id }) => id)).size, lab.log.length, "a call was logged twice");
      compare(facts, seen, logged(lab));
    } finally {
      await lab.close();
      for (let waits = 0; waits < 200 && resources() !== before; waits++) await sleep(10);
      process.off("unhandledRejection", unheard).off("uncaughtException", unheard);
    }
    assert.equal(resources(), before, "sockets or timers are left");
    assert.deepEqual(unhandled, []);
  });
}

/** One call, as the table tells it. */
export function tell(answer: Answer): string {
  const { status, code, whole, content } = answer;
  assert.ok(!answer.text.includes(KEY), "the key is shown");
  assert.ok(!/<html/i.test(answer.text), "HTML is shown");
  if (status === undefined) return "nothing";
  if (whole) {
    assert.equal(code, undefined, "an error in a whole answer");
    return `${status}, whole answer`;
  }
  if (!answer.ended && !code) return `${status}, part of the answer, then the connection is closed`;
  assert.ok(code, `neither an answer nor an error: ${answer.text.slice(0, 200)}`);
  return status === 200
    ? `200, ${content ? "part of the answer, " : ""}error event \`${code}\``
    : `${status} \`${code}\``;
}

/** A call alone, and the same call with a second target, as the table tells it: for most faults that is all. */
export function both(facts: Row, options: LabOptions, ask: (lab: Lab) => Promise<Answer>): void {
  row({ ...facts, fault: facts.fault }, options, async (lab) => {
    const answer = await ask(lab);
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  });
  row({ ...facts, row: `${facts.row}, with another target` }, { ...options, backup: true }, async (lab) => {
    const answer = await ask(lab);
    return { done: lab.log[0]?.tried ?? "", back: tell(answer) };
  });
}

/** What the log says of how the calls ended, each way once: `failed: before, network, upstream`. */
function logged({ log }: Lab): string {
  const ends = log.map(({ record: { outcome, partial, error, ...rest } }) => {
    for (const [name, value] of Object.entries(rest)) {
      assert.ok(typeof value !== "number" || Number.isFinite(value), `${name} is no number in a record`);
    }
    const how = outcome === "canceled" && partial ? "canceled in its middle" : outcome;
    return error ? `${how}: ${error.phase}, ${error.layer}, ${error.origin}` : how;
  });
  return [...new Set(ends)].sort().join("; ");
}

function resources(): string {
  const kinds = process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|TLS/.test(kind));
  return kinds.sort().join(" ");
}

const PAGE = new URL("../../docs/faults.md", import.meta.url);
const START = "<!-- rows: start -->";
const END = "<!-- rows: end -->";

/** The table holds what the last run with UPDATE_FAULTS=1 has seen; every other run must see the same. */
function compare({ row, phase, fault }: Row, { done, back }: Seen, inLog: string): void {
  const line = `| ${row} | ${phase} | ${fault} | ${done || "no provider is asked"} | ${back} | ${inLog} |`;
  const page = readFileSync(PAGE, "utf8");
  const table = page.slice(page.indexOf(START), page.indexOf(END));
  const known = table.split("\n").find((other) => other.startsWith(`| ${row} |`));
  if (process.env.UPDATE_FAULTS !== "1") {
    assert.equal(line, known, "docs/faults.md tells something else; if this is right, run again with UPDATE_FAULTS=1");
    return;
  }
  const lines = table
    .split("\n")
    .slice(1, -1)
    .filter((other) => other !== known);
  const rows = [...lines.slice(2), line].sort(byNumber);
  writeFileSync(PAGE, page.replace(table, [START, ...lines.slice(0, 2), ...rows, ""].join("\n")));
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
