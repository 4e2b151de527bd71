import { isFields } from "../json.ts";

/** The fields of an object from a log, which may be anything. */
export type Fields = Readonly<Record<string, unknown>>;

/** No name of a log's is kept longer: what the command remembers has to be bounded. */
const MAX_TEXT = 200;

/** A text that is not empty, cut to `most` characters. */
export function textOf(value: unknown, most: number = MAX_TEXT): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  if (value.length <= most) return value;
  // A slice would keep the whole text in memory.
  return `${Buffer.from(value.slice(0, most - 1)).toString()}…`;
}

/** A number that is not negative, and no larger than one that can be counted. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The objects of a list, at most `most`. */
export function listOf(value: unknown, most: number): readonly Fields[] {
  return Array.isArray(value) ? value.slice(0, most).filter(isFields) : [];
}
