import type { Phase } from "../codes.ts";
import { adviceOf } from "./advice.ts";
import { type Again, againOf } from "./again.ts";
import { type Blame, blameOf } from "./blame.ts";
import type { Class } from "./class.ts";
import { did } from "./did.ts";
import type { Entry } from "./entry.ts";
import { fieldsOf, listOf, textOf } from "./fields.ts";
import type { Found, Namesake } from "./find.ts";
import { happened, type Step } from "./happened.ts";
import type { NearbyReport } from "./nearby.ts";
import { paceOf } from "./pace.ts";
import { type Radius, radiusOf } from "./radius.ts";

/** All that can be said of one call. */
export interface Explanation {
  readonly id: string;
  readonly timeMs: number | undefined;
  readonly outcome: Entry["outcome"];
  readonly class: Class;
  /** What became of it, in a sentence or two. */
  readonly means: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly caller: string | undefined;
  readonly model: string | undefined;
  readonly provider: string | undefined;
  /** What the caller was told. */
  readonly message: string | undefined;
  readonly issues: readonly string[];
  /** What went wrong underneath. */
  readonly cause: string | undefined;
  readonly finishReasons: readonly string[];
  /** The schema that the answer was to match, and its version. */
  readonly schema: string | undefined;
  /** Where the gateway ran. */
  readonly where: string | undefined;
  readonly happened: readonly Step[];
  readonly fault: Blame;
  /** When it failed, seen from the answer. */
  readonly phase: string | undefined;
  /** Whether the caller saw a part of an answer that did not complete. */
  readonly partial: boolean;
  readonly again: Again;
  readonly gatewayDid: readonly string[];
  readonly pace: readonly string[];
  readonly steps: readonly string[];
  readonly nearby: NearbyReport | undefined;
  /** How far a failure reaches; absent where nothing failed. */
  readonly radius: Radius | undefined;
  readonly forgotten: boolean;
  readonly namesakes: readonly Namesake[];
}

const MOST_MESSAGE = 2000;
const MOST_ISSUES = 20;

const PHASES: ReadonlyMap<unknown, string> = new Map<Phase, string>([
  ["before", "before the first visible piece of an answer"],
  ["during", "during the answer"],
  ["after", "after the answer had been generated"],
]);

/** Explains the call of a record that was found. */
export function explain({ entry, namesakes, nearby, forgotten }: Found): Explanation {
  const { fields, kind, id, timeMs, outcome, code, status, caller, model, provider, partial } = entry;
  const error = fieldsOf(fields.error);
  const fault = blameOf(entry);
  const { means, steps } = adviceOf(entry);
  const schema = fieldsOf(fields.schema);
  const reasons = Array.isArray(fields.finish_reasons) ? fields.finish_reasons.slice(0, MOST_ISSUES) : [];
  return {
    ...{ id, timeMs, outcome, class: kind, code, status, caller, model, provider, fault, partial, means, steps },
    issues: listOf(error.issues, MOST_ISSUES).map(({ path, message }) => joined(": ", path, message) ?? "?"),
    message: textOf(error.message, MOST_MESSAGE),
    cause: textOf(error.cause, MOST_MESSAGE),
    schema: joined(" ", schema.name, schema.version),
    where: joined(", ", fields.environment, fields.region),
    finishReasons: reasons.map((reason) => textOf(reason) ?? "?"),
    happened: happened(entry),
    phase: PHASES.get(error.phase),
    again: againOf(entry, fault.party),
    gatewayDid: did(entry),
    pace: paceOf(entry, nearby),
    nearby,
    radius: kind === "completed" || !nearby ? undefined : radiusOf(entry, nearby),
    forgotten,
    namesakes,
  };
}

function joined(by: string, ...parts: readonly unknown[]): string | undefined {
  const known = parts.map((part) => textOf(part, MOST_MESSAGE)).filter((part) => part !== undefined);
  return known.length === 0 ? undefined : known.join(by);
}
