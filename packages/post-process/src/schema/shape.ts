import { isObject, isSchema, type Schema } from "./json.ts";
import { step } from "./path.ts";
import { SchemaError } from "./schema-error.ts";

/** A schema within another. */
export interface Subschema {
  readonly schema: Schema;
  readonly path: string;
}

/** What the value of a keyword must be. The shapes of all keywords stand in for a meta-schema. */
export interface Shape<Value> {
  /** The value, as what it must be. Throws a `SchemaError` where it is something else. */
  read(value: unknown, path: string): Value;
  /** The schemas that it holds. */
  schemas?(value: Value, path: string): readonly Subschema[];
}

/** A shape that a predicate tells. */
function shape<Value>(expected: string, is: (value: unknown) => value is Value): Shape<Value> {
  return {
    read(value, path) {
      if (is(value)) return value;
      throw new SchemaError(path, `must be ${expected}`);
    },
  };
}

/** The same, with one thing more to ask for. */
export function narrowed<Value>(wide: Shape<Value>, expected: string, is: (value: Value) => boolean): Shape<Value> {
  return {
    ...wide,
    read(value, path) {
      const read = wide.read(value, path);
      if (is(read)) return read;
      throw new SchemaError(path, `must be ${expected}`);
    },
  };
}

export const anything: Shape<unknown> = { read: (value) => value };
export const text: Shape<string> = shape("a string", (value) => typeof value === "string");
export const number: Shape<number> = shape("a number", (value) => typeof value === "number");
export const boolean: Shape<boolean> = shape("true or false", (value) => typeof value === "boolean");
export const list: Shape<readonly unknown[]> = shape("an array", (value) => Array.isArray(value));
export const count: Shape<number> = narrowed(
  number,
  "a whole number of at least 0",
  (value) => Number.isInteger(value) && value >= 0,
);

const names: Shape<readonly string[]> = shape(
  "an array of strings",
  (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
);
export const uniqueNames: Shape<readonly string[]> = narrowed(
  names,
  "an array of strings that are all different",
  (value) => new Set(value).size === value.length,
);

/** An object whose values all have one shape; its names are the caller's own. */
export function mapOf<Value>(inner: Shape<Value>): Shape<ReadonlyMap<string, Value>> {
  return {
    read(value, path) {
      if (!isObject(value)) throw new SchemaError(path, "must be an object");
      return new Map(Object.keys(value).map((name) => [name, inner.read(value[name], path + step(name))]));
    },
    schemas: (map, path) => [...map].flatMap(([name, value]) => inner.schemas?.(value, path + step(name)) ?? []),
  };
}

/** One of two shapes, whichever `first` takes. */
export function either<First, Second>(
  isFirst: (value: unknown) => boolean,
  first: Shape<First>,
  second: Shape<Second>,
): Shape<{ readonly first: First } | { readonly second: Second }> {
  return {
    read: (value, path) => (isFirst(value) ? { first: first.read(value, path) } : { second: second.read(value, path) }),
    schemas: (value, path) =>
      "first" in value ? (first.schemas?.(value.first, path) ?? []) : (second.schemas?.(value.second, path) ?? []),
  };
}

export const schema: Shape<Schema> = {
  ...shape("a schema: an object, true or false", isSchema),
  schemas: (value, path) => [{ schema: value, path }],
};

export const schemaMap: Shape<ReadonlyMap<string, Schema>> = mapOf(schema);

/** JSON Schema Core 2020-12, 10.2.1 and 10.3.1: never empty. */
export const schemaList: Shape<readonly Schema[]> = {
  read(value, path) {
    const read = list.read(value, path);
    if (read.length === 0) throw new SchemaError(path, "must not be empty");
    return read.map((item, at) => schema.read(item, path + step(at)));
  },
  schemas: (value, path) => value.map((item, at) => ({ schema: item, path: path + step(at) })),
};
