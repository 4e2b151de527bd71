import type { Caller } from "../caller.ts";
import { isFields } from "../json.ts";
import { type OwnLimit, rateOf } from "../limits/limit.ts";
import { onlyKnown, wholeIn } from "../options.ts";

/** The fields that say who a caller is and what it may do. */
export const CALLER_FIELDS: readonly string[] = ["name", "models", "regions", "limits", "concurrency", "metadata"];

/**
 * Checks who a caller is and what it may do, and answers that frozen. Throws a `TypeError` that names the field, as one of
 * `path`; also where there is one that is not `known`.
 */
export function readCaller(
  value: Readonly<Record<string, unknown>>,
  part: string,
  path: string,
  known: readonly string[] = CALLER_FIELDS,
): Caller {
  const { name, models, regions, limits, concurrency, metadata } = value;
  onlyKnown(value, known, part, path);
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new TypeError(`${part}: ${path}.name must be 1 to 256 characters, none of them a control character.`);
  }
  if (metadata !== undefined && !isFields(metadata)) {
    throw new TypeError(`${part}: ${path}.metadata must be an object.`);
  }
  return Object.freeze({
    name,
    ...(models !== undefined && { models: texts(models, part, `${path}.models`) }),
    ...(regions !== undefined && { regions: texts(regions, part, `${path}.regions`) }),
    ...(limits !== undefined && { limits: readLimits(limits, part, `${path}.limits`) }),
    ...(concurrency !== undefined && { concurrency: whole(concurrency, part, `${path}.concurrency`) }),
    ...(metadata !== undefined && { metadata }),
  });
}

const NAME = /^[^\p{Cc}\p{Cf}]{1,256}$/u;
const LIMIT = ["requests", "tokens", "windowMs", "refillPerSecond", "per"];
const MAX_LIMITS = 32;

function texts(value: unknown, part: string, path: string): readonly string[] {
  const isTexts = Array.isArray(value) && value.every((text) => typeof text === "string" && NAME.test(text));
  if (!isTexts) throw new TypeError(`${part}: ${path} must be a list of texts of 1 to 256 characters.`);
  return Object.freeze([...value]);
}

function whole(value: unknown, part: string, path: string): number {
  // What is no number is no whole one either, and is told.
  return wholeIn(part, path, typeof value === "number" ? value : Number.NaN, 1, 1_000_000);
}

function readLimits(value: unknown, part: string, path: string): readonly OwnLimit[] {
  if (!Array.isArray(value) || value.length > MAX_LIMITS) {
    throw new TypeError(`${part}: ${path} must be a list of up to ${MAX_LIMITS} limits.`);
  }
  const limits = value.map((limit: unknown, index): OwnLimit => {
    const at = `${path}[${index}]`;
    if (!isFields(limit)) throw new TypeError(`${part}: ${at} must be an object.`);
    onlyKnown(limit, LIMIT, part, at);
    const { per = "caller" } = limit;
    const isPer = per === "caller" || (Array.isArray(per) && per.every((one) => one === "caller" || one === "model"));
    if (!isPer) throw new TypeError(`${part}: ${at}.per must be "caller", or a list of "caller" and "model".`);
    // `rateOf` reads its numbers, and the fields were looked at above.
    const own = limit as unknown as OwnLimit;
    rateOf(own, part, at);
    return Object.freeze({ ...own });
  });
  return Object.freeze(limits);
}
