import { isObject, type Schema } from "../json.ts";
import { type Keyword, type KeywordContext, type Keywords, keyword } from "../keyword.ts";
import { lacking } from "../lacking.ts";
import { step } from "../path.ts";
import type { Pattern } from "../pattern.ts";
import { eachProperty, namesOf, placeOf } from "../properties.ts";
import { count, schema, schemaMap, uniqueNames } from "../shape.ts";

/** Keywords for objects (JSON Schema Validation 2020-12, 6.5, and Core, 10.3.2). */
export const OBJECTS: Keywords = {
  maxProperties: size("at most", (names, limit) => names <= limit),
  minProperties: size("at least", (names, limit) => names >= limit),
  required: keyword(
    uniqueNames,
    (names) => (value, place, run) => !isObject(value) || !lacking(names, value, place, run),
  ),
  properties: keyword(schemaMap, (schemas, context) => {
    const nodes = context.nodesByName(schemas);
    return (value, place, run, evaluated) =>
      eachProperty(value, run, (name, property) => {
        const node = nodes.get(name);
        if (!node) return true;
        evaluated?.property(name);
        return run.holds(node, property, { within: place, name });
      });
  }),
  patternProperties: keyword(schemaMap, (schemas, context) => {
    const patterns = patternsOf(schemas, context.path, context);
    const nodes = context.nodes([...schemas.values()]);
    const at = placeOf(context);
    return (value, place, run, evaluated) =>
      eachProperty(value, run, (name, property) => {
        let holds = true;
        for (const [index, node] of nodes.entries()) {
          if (!patterns[index]?.matches(name, run.fuel)) continue;
          evaluated?.property(name);
          if (!run.holds(node, property, at(name, place))) holds = false;
          if (!holds && run.quiet) break;
        }
        return holds;
      });
  }),
  additionalProperties: keyword(schema, (rest, context) => {
    const named = new Set(context.sibling("properties", schemaMap)?.keys());
    const patterns = patternsOf(context.sibling("patternProperties", schemaMap) ?? new Map(), context.path, context);
    const node = context.node(rest);
    const at = placeOf(context);
    return (value, place, run, evaluated) =>
      eachProperty(value, run, (name, property) => {
        if (named.has(name) || patterns.some((pattern) => pattern.matches(name, run.fuel))) return true;
        evaluated?.property(name);
        return run.holds(node, property, at(name, place));
      });
  }),
  propertyNames: keyword(schema, (names, context) => {
    const node = context.node(names);
    const at = placeOf(context);
    return (value, place, run) =>
      eachProperty(
        value,
        run,
        (name) =>
          run.quietly(node, name, place) ||
          run.fails(at(name, place), () => "must have a name as `propertyNames` describes it"),
      );
  }),
};

function patternsOf(schemas: ReadonlyMap<string, Schema>, path: string, context: KeywordContext): readonly Pattern[] {
  return [...schemas.keys()].map((source) => context.pattern(source, path + step(source)));
}

function size(words: string, holds: (names: number, limit: number) => boolean): Keyword {
  return keyword(count, (limit) => (value, place, run) => {
    if (!isObject(value)) return true;
    const { length } = namesOf(value, run);
    if (holds(length, limit)) return true;
    return run.fails(place, () => `must have ${words} ${limit} propert${limit === 1 ? "y" : "ies"}`);
  });
}
