import { isObject, type JsonObject } from "./json-object.ts";

const MAX_DEPTH = 16;
const MAX_VALUES = 10_000;
const MAX_LENGTH = 1000;

/**
 * A small value that fits a JSON schema: strings say the name of their property, numbers are 1, booleans true, lists
 * have one item, objects only what is required. Patterns and formats are not looked at; what lies deeper than 16
 * levels, or beyond 10,000 values, is null.
 */
export function instanceOf(root: unknown): unknown {
  let left = MAX_VALUES;
  const build = (schema: unknown, name: string, depth: number): unknown => {
    if (left === 0) return null;
    left--;
    if (!isObject(schema) || depth > MAX_DEPTH) return null;
    const nested = (inner: unknown, as = name) => build(inner, as, depth + 1);
    if (typeof schema.$ref === "string") return nested(resolve(root, schema.$ref));
    if ("const" in schema) return schema.const;
    if (Array.isArray(schema.enum)) return schema.enum[0];
    const choices = schema.anyOf ?? schema.oneOf;
    if (Array.isArray(choices)) return nested(choices[0]);
    if (Array.isArray(schema.allOf)) return merge(schema.allOf.map((part) => nested(part)));
    switch (typeOf(schema)) {
      case "object":
        return Object.fromEntries(required(schema).map(([key, inner]) => [key, nested(inner, key)]));
      case "array":
        return Array.from({ length: Math.min(between(1, schema.minItems, schema.maxItems), left) }, () =>
          nested(schema.items),
        );
      case "string":
        return name.slice(0, between(MAX_LENGTH, 0, schema.maxLength)).padEnd(between(0, schema.minLength), "x");
      case "boolean":
        return true;
      case "null":
        return null;
      default:
        return between(1, schema.minimum, schema.maximum, Number.MAX_VALUE);
    }
  };
  return build(root, "value", 0);
}

function typeOf(schema: JsonObject): unknown {
  if (Array.isArray(schema.type)) return schema.type.find((type) => type !== "null");
  return schema.type ?? (schema.properties ? "object" : schema.items ? "array" : "string");
}

function required(schema: JsonObject): [string, unknown][] {
  if (!Array.isArray(schema.required)) return [];
  const properties = isObject(schema.properties) ? schema.properties : {};
  return schema.required.map((key) => [String(key), Object.hasOwn(properties, key) ? properties[key] : {}]);
}

/** The number itself, or the nearest one that the schema allows. */
function between(number: number, least: unknown, most: unknown = undefined, limit: number = MAX_LENGTH): number {
  const raised = typeof least === "number" ? Math.max(number, least) : number;
  return Math.min(typeof most === "number" ? Math.min(raised, most) : raised, limit);
}

function merge(parts: readonly unknown[]): unknown {
  return Object.fromEntries(parts.filter(isObject).flatMap((part) => Object.entries(part)));
}

/** A reference within the schema, such as `#/$defs/address`. */
function resolve(root: unknown, reference: string): unknown {
  let found = root;
  for (const part of reference.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}
