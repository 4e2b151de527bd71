import { ValueSet } from "../equality.ts";
import { isOfType, TYPES, type TypeName } from "../json.ts";
import { type Keywords, keyword } from "../keyword.ts";
import { SchemaError } from "../schema-error.ts";
import { anything, list, type Shape } from "../shape.ts";
import { quoted, quotedList } from "../shortened.ts";
import { typePhrase } from "../type-phrase.ts";

const isTypeName = (value: unknown): value is TypeName => TYPES.some((type) => type === value);

/** One type, or several different ones. */
const types: Shape<readonly TypeName[]> = {
  read(value, path) {
    const all = Array.isArray(value) ? value : [value];
    if (all.length > 0 && all.every(isTypeName) && new Set(all).size === all.length) return all;
    throw new SchemaError(path, `must be one of ${quotedList(TYPES)}, or an array of different ones`);
  },
};

/** Keywords for values of any type (JSON Schema Validation 2020-12, 6.1). */
export const VALUES: Keywords = {
  type: keyword(
    types,
    (allowed) => (value, place, run) =>
      allowed.some((type) => isOfType(value, type)) || run.fails(place, () => `must be ${typePhrase(allowed)}`),
  ),
  enum: keyword(list, (values) => {
    const allowed = setOf(values);
    return (value, place, run) =>
      allowed.has(value, run.fuel) || run.fails(place, () => `must be one of ${quotedList(values)}`);
  }),
  const: keyword(anything, (only) => {
    const allowed = setOf([only]);
    return (value, place, run) =>
      allowed.has(value, run.fuel) || run.fails(place, () => `must be ${quoted(only, 176)}`);
  }),
};

function setOf(values: readonly unknown[]): ValueSet {
  const set = new ValueSet();
  for (const value of values) set.add(value);
  return set;
}
