import { distinctText } from "./distinct.ts";
import { LEFT_OUT } from "./log-level.ts";
import { amount, count, counted, share } from "./numbers.ts";
import type { Fact, Page, Section } from "./page.ts";
import type { Tally } from "./scan.ts";
import type { SummaryReport } from "./summary.ts";
import { failureTable, refusalTable, trafficTable } from "./summary-tables.ts";
import { tallyText } from "./tally.ts";
import { dayAndTime } from "./times.ts";
import type { TotalsReport } from "./totals.ts";

/** A page about all records of a log; `most` rows a table. */
export function summaryPage(report: SummaryReport, tally: Readonly<Tally>, most: number): Page {
  const { totals, by, failures, overTime } = report;
  const { firstMs, lastMs } = totals;
  const worst = failures.find(({ name }) => name !== "canceled");
  const during =
    firstMs === undefined || lastMs === undefined
      ? "at no known time"
      : `${dayAndTime(firstMs)} to ${dayAndTime(lastMs)} UTC`;
  const sections: (Section | undefined)[] = [
    { title: "All calls", blocks: [{ kind: "facts", facts: totalFacts(report) }] },
    overTime && {
      title: "Over time, UTC",
      blocks: [{ kind: "plot", caption: "Calls and errors over time", series: overTime }],
    },
    failures.length === 0 ? undefined : { title: `Failures by ${by}`, blocks: failureTable(report, most) },
    { title: "By provider", blocks: trafficTable("provider", report.providers, most) },
    { title: "By model", blocks: trafficTable("model", report.models, most) },
    report.refusals.length === 0 ? undefined : { title: "Limits that refused", blocks: refusalTable(report, most) },
    { title: "What was read", blocks: [{ kind: "text", text: tallyText(tally) }] },
  ];
  return {
    title: `${counted(totals.calls, "call")}, ${during}`,
    lead: `${counted(totals.errors, "error")}, ${share(totals.errors, totals.calls)} of all calls.${worst ? ` Most of all: ${worst.name}, ${count(worst.failed)}.` : ""}${leftOut(report)}`,
    sections: sections.filter((section) => section !== undefined),
  };
}

function leftOut({ noneCompleted }: SummaryReport): string {
  return noneCompleted.length === 0 ? "" : ` Of the calls in ${noneCompleted.join(", ")} none completed: ${LEFT_OUT}`;
}

function totalFacts({ totals, environments }: SummaryReport): Fact[] {
  const { outcomes, tokens } = totals;
  const ends = Object.entries(outcomes).map(([outcome, number]) => `${count(number)} ${outcome}`);
  const cost = `${amount(totals.cost)} in all, of ${counted(totals.priced, "call")} with a price`;
  return [
    ["outcomes", ends.join(", ")],
    ["partial", `${counted(totals.partial, "call")} of which the caller saw a part`],
    ["tried again", `${counted(totals.retries, "retry")}, ${counted(totals.fallbacks, "fallback")}`],
    ...(environments.length === 0 ? [] : [["environment", environments.join(", ")] as const]),
    ["callers", distinctText(totals.callers)],
    ["tokens", tokensText(tokens)],
    ["cost", totals.priced === 0 ? "not known: no call has a price" : cost],
  ];
}

function tokensText({ input, output, cached, reasoning }: TotalsReport["tokens"]): string {
  const part = (number: number, what: string): string => (number === 0 ? "" : ` (${count(number)} ${what})`);
  return `${count(input)} in${part(cached, "cached")}, ${count(output)} out${part(reasoning, "reasoning")}`;
}
