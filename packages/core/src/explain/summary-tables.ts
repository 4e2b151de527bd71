import { distinctText } from "./distinct.ts";
import type { FailureRow, Grouping } from "./failures.ts";
import { count, duration, share } from "./numbers.ts";
import type { Block, Column } from "./page.ts";
import type { SummaryReport } from "./summary.ts";
import { momentsWithin } from "./times.ts";
import type { Times, TrafficRow } from "./traffic.ts";

const OF_CLASS: ReadonlySet<Grouping> = new Set(["class", "code"]);

/** Failures by what they are grouped by, at most `most` rows. */
export function failureTable({ totals, by, failures }: SummaryReport, most: number): Block[] {
  const written = momentsWithin(totals.firstMs ?? 0, totals.lastMs ?? 0);
  const ofClass = OF_CLASS.has(by);
  const columns: Column[] = [
    { title: by },
    { title: ofClass ? "calls" : "errors", side: "right" },
    { title: ofClass ? "of all" : "of its calls", side: "right" },
    { title: "callers", side: "right" },
    { title: "retry safe" },
    ...(by === "code" ? [] : [{ title: "most often", spare: true }]),
    { title: "first", side: "right", spare: true },
    { title: "last", side: "right" },
  ];
  const rows = failures
    .slice(0, most)
    .map((row) => [
      row.name,
      count(row.failed),
      share(row.failed, ofClass ? totals.calls : row.calls),
      distinctText(row.callers),
      safeText(row),
      ...(by === "code" ? [] : [row.code ?? "–"]),
      written(row.firstMs),
      written(row.lastMs),
    ]);
  return [{ kind: "table", caption: `Failures by ${by}`, columns, rows }, ...rest(failures, most)];
}

function safeText({ name, failed, retryable }: FailureRow): string {
  if (name === "canceled" || name === "llm.canceled") return "–";
  if (retryable === 0) return "no";
  return retryable === failed ? "yes" : `${share(retryable, failed)}`;
}

const SHARE = "of calls";

/** Calls by provider or model, and how long they took. */
export function trafficTable(of: "provider" | "model", traffic: readonly TrafficRow[], most: number): Block[] {
  const tried = of === "provider";
  const numbers = ["calls", "errors", SHARE, ...(tried ? ["tries", "failed"] : []), "total p50/p95", "first token"];
  const columns: Column[] = [
    { title: of },
    ...numbers.map((title): Column => ({ title, side: "right", spare: title === SHARE })),
  ];
  const rows = traffic
    .slice(0, most)
    .map(({ name, calls, errors, tries, failedTries, totalMs, firstTokenMs }) => [
      name,
      count(calls),
      count(errors),
      share(errors, calls),
      ...(tried ? [count(tries), count(failedTries)] : []),
      timesText(totalMs),
      timesText(firstTokenMs),
    ]);
  return [{ kind: "table", caption: `Calls by ${of}`, columns, rows }, ...rest(traffic, most)];
}

/** `1.2 / 4.5 s`: the unit once where it is the same. */
function timesText({ p50, p95 }: Times): string {
  if (p50 === undefined) return "–";
  const [half = "", unit = ""] = duration(p50).split(" ");
  const most = duration(p95);
  return most.endsWith(` ${unit}`) ? `${half} / ${most}` : `${half} ${unit} / ${most}`;
}

/** The limits that refused calls. */
export function refusalTable({ refusals }: SummaryReport, most: number): Block[] {
  const columns: Column[] = [
    { title: "limit" },
    { title: "refused", side: "right" },
    { title: "callers", side: "right" },
  ];
  const rows = refusals
    .slice(0, most)
    .map(({ name, refused, callers }) => [name, count(refused), distinctText(callers)]);
  return [{ kind: "table", caption: "Limits that refused", columns, rows }, ...rest(refusals, most)];
}

function rest(rows: readonly unknown[], most: number): Block[] {
  const left = rows.length - most;
  return left > 0 ? [{ kind: "text", text: `And ${count(left)} more: --json tells them.` }] : [];
}
