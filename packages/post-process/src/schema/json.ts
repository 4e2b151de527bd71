/** An object of JSON. Only what `Object.hasOwn` finds is in it: a property may be named `toString` or `__proto__`. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What a schema may be: `true` allows everything, `false` nothing (JSON Schema Core 2020-12, 4.3.2). */
export type Schema = JsonObject | boolean;

/** The names that `type` knows (JSON Schema Validation 2020-12, 6.1.1). */
export const TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"] as const;
export type TypeName = (typeof TYPES)[number];

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "boolean" || isObject(value);
}

/** Whether a value is of a type. 1.0 is an integer too. */
export function isOfType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** The narrowest type that a value of JSON has. */
export function typeOf(value: unknown): TypeName {
  return TYPES.findLast((type) => isOfType(value, type)) ?? "null";
}
