import { readOptions, UsageError } from "../command-line.ts";
import { GROUPINGS, type Grouping } from "./failures.ts";
import { readMoment } from "./times.ts";

/** What is said on the command line. */
export interface ExplainArguments {
  readonly files: readonly string[];
  readonly id: string | undefined;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly by: Grouping;
  readonly html: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = { id: text, since: text, until: text, by: text, html: text, force: flag, json: flag } as const;

/** Reads the arguments of the command. Throws a `UsageError`; `now` is in milliseconds since 1970. */
export function readArguments(args: readonly string[], now: number): ExplainArguments {
  const { values, positionals: files } = readOptions(args, OPTIONS);
  const { id, since, until, by, html, force = false, json = false } = values;
  if (files.includes("")) throw new UsageError("A file must have a name.");
  if (files.filter((file) => file === "-").length > 1)
    throw new UsageError("The standard input, -, can be read only once.");
  if (id === "") throw new UsageError("--id must be a request id, such as the one of the x-request-id header.");
  if (id !== undefined && by !== undefined)
    throw new UsageError("--by means nothing with --id: it groups the failures of a summary.");
  if (html === "" || html === "-") throw new UsageError("--html must name a file for the page.");
  if (json && html !== undefined)
    throw new UsageError("--json and --html exclude each other: each stands in place of text. Name one of them.");
  if (force && html === undefined) throw new UsageError("--force means nothing without --html.");
  const sinceMs = since === undefined ? Number.NEGATIVE_INFINITY : readMoment("since", since, now);
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : readMoment("until", until, now);
  if (sinceMs > untilMs) throw new UsageError("--since must not be after --until.");
  return { files, id, sinceMs, untilMs, by: groupingOf(by ?? "class"), html, force, json };
}

function groupingOf(written: string): Grouping {
  const grouping = GROUPINGS.find((known) => known === written);
  if (grouping === undefined) throw new UsageError(`--by must be one of ${GROUPINGS.join(", ")}.`);
  return grouping;
}
