import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { compileSchema } from "./compiled-schema.ts";

// Random schemas and values, judged by the evaluator and by the plainest one that can be written for these keywords.

type Fields = Record<string, unknown>;
const NAMES = ["a", "b", "c", "__proto__", "toString"];
const TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"];

/** Keywords that ask nothing of the values of other types, in one line each. */
const KEYWORDS: Readonly<Record<string, (given: never, value: never, schema: Fields) => boolean>> = {
  type: (given: string | string[], value: unknown) => [given].flat().some((type) => isOfType(value, type)),
  enum: (given: unknown[], value: unknown) => given.some((one) => isDeepStrictEqual(one, value)),
  const: (given: unknown, value: unknown) => isDeepStrictEqual(given, value),
  minimum: (given: number, value: unknown) => typeof value !== "number" || value >= given,
  exclusiveMaximum: (given: number, value: unknown) => typeof value !== "number" || value < given,
  multipleOf: (given: number, value: unknown) =>
    typeof value !== "number" || Number.isInteger((value * 2) / (given * 2)),
  maxLength: (given: number, value: unknown) => typeof value !== "string" || value.length <= given,
  pattern: (given: string, value: unknown) => typeof value !== "string" || new RegExp(given, "u").test(value),
  minItems: (given: number, value: unknown) => !Array.isArray(value) || value.length >= given,
  uniqueItems: (given: boolean, value: unknown) =>
    !given ||
    !Array.isArray(value) ||
    value.every((one, at) => !value.slice(0, at).some((other) => isDeepStrictEqual(one, other))),
  prefixItems: (given: unknown[], value: unknown) =>
    !Array.isArray(value) || given.every((inner, at) => at >= value.length || matches(inner, value[at])),
  items: (given: unknown, value: unknown, { prefixItems = [] }) =>
    !Array.isArray(value) || value.slice((prefixItems as []).length).every((item) => matches(given, item)),
  contains: (given: unknown, value: unknown, { minContains = 1 }) =>
    !Array.isArray(value) || value.filter((item) => matches(given, item)).length >= (minContains as number),
  maxProperties: (given: number, value: unknown) => !isFields(value) || Object.keys(value).length <= given,
  required: (given: string[], value: unknown) => !isFields(value) || given.every((name) => Object.hasOwn(value, name)),
  properties: (given: Fields, value: unknown) =>
    !isFields(value) ||
    Object.keys(value).every((name) => !Object.hasOwn(given, name) || matches(given[name], value[name])),
  patternProperties: (given: Fields, value: unknown) =>
    !isFields(value) ||
    Object.keys(value).every((name) =>
      Object.keys(given).every((source) => !new RegExp(source, "u").test(name) || matches(given[source], value[name])),
    ),
  additionalProperties: (given: unknown, value: unknown, { properties = {}, patternProperties = {} }) =>
    !isFields(value) ||
    Object.keys(value).every(
      (name) =>
        Object.hasOwn(properties as Fields, name) ||
        Object.keys(patternProperties as Fields).some((source) => new RegExp(source, "u").test(name)) ||
        matches(given, value[name]),
    ),
  propertyNames: (given: unknown, value: unknown) =>
    !isFields(value) || Object.keys(value).every((name) => matches(given, name)),
  dependentRequired: (given: Record<string, string[]>, value: unknown) =>
    !isFields(value) ||
    Object.keys(given).every(
      (name) => !Object.hasOwn(value, name) || given[name]?.every((needed) => Object.hasOwn(value, needed)),
    ),
  allOf: (given: unknown[], value: unknown) => given.every((inner) => matches(inner, value)),
  anyOf: (given: unknown[], value: unknown) => given.some((inner) => matches(inner, value)),
  oneOf: (given: unknown[], value: unknown) => given.filter((inner) => matches(inner, value)).length === 1,
  not: (given: unknown, value: unknown) => !matches(given, value),
  if: (given: unknown, value: unknown, schema) =>
    matches(schema[matches(given, value) ? "then" : "else"] ?? true, value),
};

function matches(schema: unknown, value: unknown): boolean {
  if (!isFields(schema)) return schema === true;
  return Object.keys(schema).every((name) => KEYWORDS[name]?.(schema[name] as never, value as never, schema) ?? true);
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  return type === (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  list<Item>(least: number, most: number, item: () => Item): Item[] {
    return Array.from({ length: least + this.below(most - least + 1) }, item);
  }

  names(): string[] {
    return NAMES.filter(() => this.below(3) === 0);
  }

  /** An object as JSON.parse makes it. */
  fields(names: readonly string[], value: () => unknown): Fields {
    return JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(value())}`).join()}}`);
  }

  value(depth = 0): unknown {
    const kind = this.below(depth > 2 ? 6 : 9);
    if (kind < 2) return this.of([-1, 0, 1, 2, 3, 1.5, 2.5]);
    if (kind < 4) return this.of(["", "a", "ab", "b", "toString"]);
    if (kind < 6) return this.of([null, true, false]);
    return kind < 8
      ? this.fields(this.names(), () => this.value(depth + 1))
      : this.list(0, 3, () => this.value(depth + 1));
  }

  schema(depth = 0): unknown {
    if (this.below(8) === 0 || depth > 3) return this.of([true, true, false]);
    const inner = (): unknown => this.schema(depth + 1);
    const several = (): unknown[] => this.list(1, 3, inner);
    const small = (): number => this.below(4);
    const give: Readonly<Record<string, () => unknown>> = {
      type: () => (this.below(2) === 0 ? this.of(TYPES) : [...new Set(this.list(1, 4, () => this.of(TYPES)))]),
      enum: () => this.list(1, 4, () => this.value(2)),
      const: () => this.value(2),
      minimum: small,
      exclusiveMaximum: small,
      multipleOf: () => this.of([1, 2, 0.5]),
      maxLength: small,
      pattern: () => this.of(["a", "^a", "b$", "^$"]),
      minItems: small,
      uniqueItems: () => true,
      prefixItems: several,
      items: inner,
      contains: inner,
      minContains: small,
      maxProperties: small,
      required: () => this.names(),
      properties: () => this.fields(this.names(), inner),
      patternProperties: () => this.fields(["^a", "o"], inner),
      additionalProperties: inner,
      propertyNames: inner,
      dependentRequired: () => this.fields(this.names(), () => this.names()),
      allOf: several,
      anyOf: several,
      oneOf: several,
      not: inner,
      if: inner,
      // biome-ignore lint/suspicious/noThenProperty: the name of a keyword
      then: inner,
      else: inner,
    };
    const keywords = new Set(this.list(1, 4, () => this.of(Object.keys(give))));
    return Object.fromEntries([...keywords].map((name) => [name, give[name]?.()]));
  }
}

test("random schemas and values are judged alike", (t) => {
  const chance = new Chance(11);
  const counts = { matching: 0, different: 0 };
  for (let round = 0; round < 6000; round++) {
    const schema = chance.schema();
    const compiled = compileSchema(schema);
    for (let time = 0; time < 5; time++) {
      const value = chance.value();
      const expected = matches(schema, value);
      const found = compiled.check(value);
      assert.equal(found.length === 0, expected, JSON.stringify({ schema, value, found }));
      counts[expected ? "matching" : "different"]++;
    }
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(Math.min(counts.matching, counts.different) > 5000);
});
