import { addressGroup } from "../address.ts";
import { caller, callerId } from "../caller.ts";
import type { ChatRequest } from "../chat.ts";
import { type Limit, type OwnLimit, rateOf, type Subject } from "./limit.ts";
import type { Rate } from "./rate.ts";

/** A limit, checked and ready to be asked. */
export interface LimitRule {
  readonly counted: "requests" | "tokens";
  readonly rate: Rate;
  /** What errors and decisions call it. */
  readonly name: string;
  /** What tells its count from those of other limits of the same layer. */
  readonly id: string;
  readonly perCaller: boolean;
  /** What is counted apart for this call; `undefined` where the limit does not hold for it. */
  subject(request: ChatRequest): string | undefined;
  /** How much one request or token of this call counts. */
  weight(request: ChatRequest): number;
}

/** The limits of a layer. */
export interface LimitRules {
  /** Those that hold for a call: with limits of the caller's own in place of those that count by caller. */
  of(request: ChatRequest): readonly LimitRule[];
  /** What all counts of a call have in common, whichever rules hold for it: they are kept together. */
  group(request: ChatRequest): string;
}

/**
 * The limits of a layer; `ownLimits` says whether callers' own hold, by default where one counts by caller. Throws a
 * `TypeError` that names the limit which cannot be used.
 */
export function limitRules(limits: readonly Limit[], ownLimits?: boolean): LimitRules {
  if (!Array.isArray(limits) || (limits.length === 0 && !ownLimits)) {
    throw new TypeError("rateLimit: limits must be a list of at least one limit.");
  }
  const rules = limits.map((limit, index) => ruleOf(limit, `limits[${index}]`));
  for (const [index, { id }] of rules.entries()) {
    if (rules.findIndex((rule) => rule.id === id) < index) {
      throw new TypeError(`rateLimit: limits[${index}] counts the same as another limit: give it a name of its own.`);
    }
  }
  const byCaller = ownLimits ?? rules.some(({ perCaller }) => perCaller);
  const own = new WeakMap<readonly OwnLimit[], readonly LimitRule[]>();
  const withOwn = (limits: readonly OwnLimit[]): readonly LimitRule[] => {
    const known = own.get(limits);
    if (known) return known;
    const theirs = limits.map((limit, index) => {
      // They are of that caller, whatever else they count by.
      const { per = "caller" } = limit;
      const subjects = new Set<Subject>(["caller", ...(isList(per) ? per : [per])]);
      const rule = ruleOf({ ...limit, per: [...subjects] }, `the caller's limits[${index}]`);
      // Theirs have no names to tell them apart.
      return { ...rule, id: `${index} ${rule.id}` };
    });
    const replaced = new Set(theirs.map(({ counted }) => counted));
    const left = rules.filter(({ perCaller, counted }) => !perCaller || !replaced.has(counted));
    const all = [...left, ...theirs];
    own.set(limits, all);
    return all;
  };
  const shared = sharedSubject(limits, byCaller);
  return {
    of({ call }) {
      const limits = byCaller ? call.context.get(caller)?.limits : undefined;
      return limits ? withOwn(limits) : rules;
    },
    group: (request) => (shared === undefined ? "all" : SUBJECTS[shared](request)),
  };
}

type Named = Exclude<Subject, (request: ChatRequest) => string | undefined>;

const SUBJECTS: Readonly<Record<Named, (request: ChatRequest) => string>> = {
  caller: ({ call }) => callerId(call),
  address: ({ call }) => addressGroup(call.address),
  model: ({ model }) => model,
};

function ruleOf(limit: Limit | OwnLimit, path: string): LimitRule {
  const rate = rateOf(limit, "rateLimit", path);
  const { per = "caller" } = limit;
  const subjects: readonly Subject[] = isList(per) ? per : [per];
  for (const subject of subjects) {
    if (typeof subject === "function" || Object.hasOwn(SUBJECTS, subject)) continue;
    throw new TypeError(`rateLimit: ${path}.per must be "caller", "address", "model", a function, or a list of them.`);
  }
  const counted = limit.requests === undefined ? "tokens" : "requests";
  const called = (nameOf: (rule: { readonly name: string }) => string): string => {
    const names = subjects.map((subject) => (typeof subject === "function" ? nameOf(subject) : subject));
    return `${counted} per ${names.join(" and ") || "all calls"}`;
  };
  // A function that was written in its place has no name, or that of the field.
  const { name = called(({ name }) => (["", "per"].includes(name) ? "rule" : name)), weight = 1 } = limit as Limit;
  if (typeof name !== "string" || name === "") throw new TypeError(`rateLimit: ${path}.name must be a text.`);
  // The name of a function changes with the code, and must not begin a new count.
  const id = (limit as Limit).name ?? called(() => "rule");
  const read = subjects.map((subject) => (typeof subject === "function" ? subject : SUBJECTS[subject]));
  return {
    counted,
    rate,
    name,
    id: `${id} ${rate.kind} ${rate.kind === "window" ? rate.periodMs : ""}`,
    perCaller: subjects.includes("caller"),
    subject: (request) => {
      let joined = "";
      for (const subject of read) {
        const part: unknown = subject(request);
        if (part === undefined) return undefined;
        if (typeof part !== "string") throw new TypeError(`rateLimit: ${path}.per must answer a text or undefined.`);
        // With its length, so that no two lists of parts are the same text.
        joined += `${part.length}:${part}`;
      }
      return joined;
    },
    weight: typeof weight === "function" ? (request) => checkWeight(weight(request), path) : constant(weight, path),
  };
}

function constant(weight: number, path: string): () => number {
  checkWeight(weight, path);
  return () => weight;
}

function checkWeight(weight: number, path: string): number {
  if (typeof weight === "number" && weight >= 0 && weight <= 1e6) return weight;
  throw new TypeError(`rateLimit: ${path}.weight must be a number from 0 to 1000000, not ${String(weight)}.`);
}

function isList(per: Subject | readonly Subject[]): per is readonly Subject[] {
  return Array.isArray(per);
}

/** What every limit counts by. Where callers may have limits of their own, only the caller can be that. */
function sharedSubject(limits: readonly Limit[], byCaller: boolean): Named | undefined {
  const isShared = (named: Named): boolean =>
    limits.every(({ per = "caller" }) => per === named || (isList(per) && per.includes(named)));
  const candidates: readonly Named[] = byCaller ? ["caller"] : ["address", "model"];
  return candidates.find(isShared);
}
