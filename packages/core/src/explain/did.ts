import type { AttemptRecord } from "../records/record.ts";
import { askedAgain, attemptsOf, triesOf, wasEnded } from "./attempts.ts";
import type { Entry } from "./entry.ts";
import { type Fields, listOf, numberOf, textOf } from "./fields.ts";
import { count, counted, duration } from "./numbers.ts";

const MOST = 20;

/** What the gateway did for a call, a sentence each. */
export function did(entry: Entry): string[] {
  const { fields } = entry;
  const attempts = attemptsOf(fields);
  return [
    ...asking(entry, attempts),
    ...waiting(entry, attempts),
    ...listOf(fields.limits, MOST).map(limitText),
    ...listOf(fields.cache, MOST).map(
      ({ layer, hit }) => `Cache of ${textOf(layer) ?? "?"}: ${hit === true ? "hit" : "miss"}.`,
    ),
    ...steps(listOf(fields.post_processing, MOST)),
  ];
}

function asking({ retries, fallbacks, kind }: Entry, attempts: readonly AttemptRecord[]): string[] {
  const tries = triesOf(attempts, retries + fallbacks);
  if (tries === 0) return ["Asked no provider."];
  const again = [...askedAgain(attempts)];
  // The record counts among the retries what was asked again.
  const retried = counted(Math.max(0, retries - again.length), "retry");
  const asked = again.length === 0 ? "" : `, ${count(again.length)} asked again`;
  const all = `Asked providers ${counted(tries, "time")}: ${retried}, ${counted(fallbacks, "fallback")}${asked}.`;
  const ended = attempts.filter(wasEnded).length;
  const by = kind === "canceled" ? "left by the caller" : "ended by the gateway, which is no failure of the provider";
  return [
    tries === 1 ? "Asked a provider once." : all,
    ...(tries > attempts.length ? [`The record tells the last ${count(attempts.length)} of them.`] : []),
    ...again.map(({ provider, model }) => `${provider}/${model} was asked again: its first answer was not accepted.`),
    ...(ended === 0 ? [] : [`${counted(ended, "try")} ${ended === 1 ? "was" : "were"} ${by}.`]),
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

function waiting({ totalMs, fields }: Entry, attempts: readonly AttemptRecord[]): string[] {
  const left = attempts.every(({ started_ms }) => started_ms !== undefined)
    ? (totalMs ?? 0) - covered(attempts)
    : (untilLast(attempts, numberOf(fields.first_token_ms), totalMs) ?? 0) -
      attempts.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  return attempts.length === 0 || left < LEAST_WAIT_MS
    ? []
    : [`Spent ${duration(left)} outside the tries: on waits, in queues, with its own work.`];
}

/** How long at least one try went on. */
function covered(attempts: readonly AttemptRecord[]): number {
  let [sum, until] = [0, 0];
  for (const { started_ms = 0, duration_ms } of attempts.toSorted(
    (a, b) => (a.started_ms ?? 0) - (b.started_ms ?? 0),
  )) {
    const end = started_ms + duration_ms;
    sum += Math.max(0, end - Math.max(started_ms, until));
    until = Math.max(until, end);
  }
  return sum;
}

/** A try of an old record lasts until its first visible chunk: of one that began an answer, nothing tells when that ended. */
function untilLast(attempts: readonly AttemptRecord[], firstTokenMs?: number, totalMs?: number): number | undefined {
  return firstTokenMs ?? (attempts.at(-1)?.code === undefined ? undefined : totalMs);
}

function steps(processing: readonly Fields[]): string[] {
  const names = processing.map(
    ({ type, verdict }) => `${textOf(type) ?? "a step"} (${textOf(verdict) ?? "no verdict"})`,
  );
  return names.length === 0 ? [] : [`Processed the answer: ${names.join(", ")}.`];
}
