import { UsageError } from "../command-line.ts";
import { readDuration } from "../limits/limit.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?)?$/;

/** A moment from the command line: ISO 8601, UTC where it names no zone, or a duration before `now`. Throws a `UsageError`. */
export function readMoment(option: string, written: string, now: number): number {
  const ago = readDuration(written);
  if (ago !== undefined) return now - ago;
  const [, day, time = "00:00", zone = "Z"] = ISO.exec(written) ?? [];
  const moment = day === undefined ? Number.NaN : Date.parse(`${day}T${time}${zone}`);
  if (!Number.isNaN(moment)) return moment;
  throw new UsageError(
    `--${option} must be a time like 2026-01-31T18:00 (UTC, or with a zone such as +02:00), or so long ago like 15m, 2h or 3d.`,
  );
}

/** Milliseconds since 1970 from the `time` of a line: ISO 8601, or a number of milliseconds or seconds. */
export function momentOf(time: unknown): number | undefined {
  const moment = typeof time === "string" ? Date.parse(time) : typeof time === "number" ? fromNumber(time) : Number.NaN;
  return isMoment(moment) ? moment : undefined;
}

/** Whether a call can have begun then: before 1990 there was no model to call, and what is after 2200 is no time. */
export function isMoment(ms: number): boolean {
  return ms > 20 * 365 * DAY_MS && ms < 230 * 365 * DAY_MS;
}

/** pino writes milliseconds, or seconds where it is told to. */
function fromNumber(time: number): number {
  return time < 1e11 ? time * 1000 : time;
}

/** `2026-01-31 18:00:00`, UTC. */
export function dayAndTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** A way to write moments of a time: without the day where all are of one, without seconds where they are far apart. */
export function momentsWithin(fromMs: number, toMs: number): (ms: number | undefined) => string {
  const oneDay = Math.floor(fromMs / DAY_MS) === Math.floor(toMs / DAY_MS);
  const [begin, end] = [oneDay ? 11 : 5, toMs - fromMs > HOUR_MS || !oneDay ? 16 : 19];
  return (ms) => (ms === undefined ? "–" : dayAndTime(ms).slice(begin, end));
}
