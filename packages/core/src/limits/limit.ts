import type { ChatRequest } from "../chat.ts";
import { isFields } from "../json.ts";
import { numberIn, onlyKnown } from "../options.ts";
import type { Rate } from "./rate.ts";

/** What is counted: requests, or tokens. */
type Counted =
  | {
      /** How many requests, or the sum of their weights. */
      readonly requests: number;
      readonly tokens?: never;
    }
  | {
      /** How many tokens, those of the prompt and of the answer together. */
      readonly tokens: number;
      readonly requests?: never;
    };

/** How it comes back. */
type ComesBack =
  | {
      /** A window: so much within this time, in milliseconds, counted from the first call. Then all is there again. */
      readonly windowMs: number;
      readonly refillPerSecond?: never;
    }
  | {
      /** A token bucket: so much at once, and this much comes back each second. */
      readonly refillPerSecond: number;
      readonly windowMs?: never;
    };

/** What a count is kept for. A function names it; where that is `undefined`, the limit does not hold for the call. */
export type Subject = "caller" | "address" | "model" | ((request: ChatRequest) => string | undefined);

/** One limit. */
export type Limit = Counted &
  ComesBack & {
    /**
     * What is counted apart; default `caller`. A list counts each combination apart, such as `["caller", "model"]`; an
     * empty one counts all calls together.
     */
    readonly per?: Subject | readonly Subject[];
    /** How much one request, or one token, counts; default 1. */
    readonly weight?: number | ((request: ChatRequest) => number);
    /** What it is called in errors and decisions; default what it counts, such as `requests per caller`, a function by its name. */
    readonly name?: string;
  };

/** A limit of one caller's own, as its key's record holds it: it counts that caller, and with `model` each model apart. */
export type OwnLimit = Counted & ComesBack & { readonly per?: "caller" | readonly ("caller" | "model")[] };

const FIELDS = ["requests", "tokens", "windowMs", "refillPerSecond", "per", "weight", "name"];
const DAY_MS = 24 * 60 * 60 * 1000;
const LONGEST_MS = 366 * DAY_MS;

/** `30/60s`: so much within so long, in `s`, `m`, `h` or `d`, of at most a year. `undefined` where the text is nothing of the kind. */
export function readWindow(text: string): { readonly amount: number; readonly windowMs: number } | undefined {
  const [, amount = "", time = ""] = /^([1-9]\d{0,11})\/(\w+)$/.exec(text) ?? [];
  const windowMs = readDuration(time);
  return windowMs === undefined || windowMs > LONGEST_MS ? undefined : { amount: Number(amount), windowMs };
}

/** `90d`: a duration in milliseconds, given in `s`, `m`, `h` or `d`. `undefined` where the text is nothing of the kind. */
export function readDuration(text: string): number | undefined {
  const [, count = "", unit = ""] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS[unit];
  return unitMs && Number(count) * unitMs;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS };

/** The rate of a limit. Throws a `TypeError` that names the field which cannot be used, as a field of `path`. */
export function rateOf(limit: Limit | OwnLimit, part: string, path: string): Rate {
  if (!isFields(limit)) throw new TypeError(`${part}: ${path} must be a limit.`);
  onlyKnown(limit, FIELDS, part, path);
  const { requests, tokens, windowMs, refillPerSecond } = limit;
  if ((requests === undefined) === (tokens === undefined)) {
    throw new TypeError(`${part}: ${path} must have either requests or tokens.`);
  }
  if ((windowMs === undefined) === (refillPerSecond === undefined)) {
    throw new TypeError(`${part}: ${path} must have either windowMs or refillPerSecond.`);
  }
  const counted = requests === undefined ? "tokens" : "requests";
  const capacity = number(part, `${path}.${counted}`, requests ?? tokens, 1, 1e12);
  if (windowMs !== undefined) {
    return { kind: "window", capacity, periodMs: number(part, `${path}.windowMs`, windowMs, 1, LONGEST_MS) };
  }
  const refill = number(part, `${path}.refillPerSecond`, refillPerSecond, 1e-6, 1e12);
  const periodMs = (capacity / refill) * 1000;
  return {
    kind: "bucket",
    capacity,
    periodMs: number(part, `${path}: the time to refill`, periodMs, 1e-3, LONGEST_MS),
  };
}

function number(part: string, field: string, value: unknown, least: number, most: number): number {
  // What is no number fails the comparison, and is told.
  return numberIn(part, field, typeof value === "number" ? value : Number.NaN, least, most);
}
