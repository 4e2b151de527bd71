import type { AttemptRecord } from "../records/record.ts";
import { attemptsOf } from "./attempts.ts";
import type { Entry } from "./entry.ts";
import { type Fields, listOf, numberOf, textOf } from "./fields.ts";
import { count, counted, duration } from "./numbers.ts";

const MOST = 20;

/** What the gateway did for a call, a sentence each. */
export function did(entry: Entry): string[] {
  const { retries, fallbacks, fields } = entry;
  const attempts = attemptsOf(fields);
  const asked = `Asked providers ${counted(attempts.length, "time")}: ${counted(retries, "retry")}, ${counted(fallbacks, "fallback")}.`;
  return [
    attempts.length === 0 ? "Asked no provider." : attempts.length === 1 ? "Asked a provider once." : asked,
    ...waiting(entry, attempts),
    ...listOf(fields.limits, MOST).map(limitText),
    ...listOf(fields.cache, MOST).map(
      ({ layer, hit }) => `Cache of ${textOf(layer) ?? "?"}: ${hit === true ? "hit" : "miss"}.`,
    ),
    ...steps(listOf(fields.post_processing, MOST)),
  ];
}

function limitText({ layer, name, allowed, dry_run, remaining, capacity }: Fields): string {
  const passed = dry_run === true ? "would have refused, in a dry run" : "refused";
  // Below 0 it is a debt.
  const left = typeof remaining === "number" ? remaining : 0;
  const rest = left < 0 ? `${count(-left)} in debt` : `${count(left)} of ${count(numberOf(capacity) ?? 0)} left`;
  return `Limit "${textOf(name) ?? "?"}" of ${textOf(layer) ?? "?"}: ${allowed === false ? passed : "allowed"}, ${rest}.`;
}

/** Less is not worth a word. */
const LEAST_WAIT_MS = 50;

function waiting({ firstTokenMs, totalMs }: Entry, attempts: readonly AttemptRecord[]): string[] {
  // A try lasts until its first visible chunk: of one that began an answer, nothing tells when that ended.
  const until = firstTokenMs ?? (attempts.at(-1)?.code === undefined ? undefined : totalMs);
  const left = (until ?? 0) - attempts.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  return left < LEAST_WAIT_MS
    ? []
    : [`Spent ${duration(left)} outside the tries: on waits, in queues, with its own work.`];
}

function steps(processing: readonly Fields[]): string[] {
  const names = processing.map(
    ({ type, verdict }) => `${textOf(type) ?? "a step"} (${textOf(verdict) ?? "no verdict"})`,
  );
  return names.length === 0 ? [] : [`Processed the answer: ${names.join(", ")}.`];
}
