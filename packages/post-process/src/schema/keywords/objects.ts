import { isObject, type Schema } from "../json.ts";
import { type Keyword, type KeywordContext, type Keywords, keyword } from "../keyword.ts";
import { lacking } from "../lacking.ts";
import { step } from "../path.ts";
import type { Pattern } from "../pattern.ts";
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
    return (value, place, run, evaluated) => {
      if (!isObject(value)) return true;
      let holds = true;
      for (const name of Object.keys(value)) {
        run.fuel.spend(1);
        const node = nodes.get(name);
        if (!node) continue;
        if (!run.holds(node, value[name], { within: place, name })) holds = false;
        if (!holds && run.quiet) break;
        evaluated?.property(name);
      }
      return holds;
    };
  }),
  patternProperties: keyword(schemaMap, (schemas, context) => {
    const patterns = patternsOf(schemas, context.path, context);
    const nodes = context.nodes([...schemas.values()]);
    return (value, place, run, evaluated) => {
      if (!isObject(value)) return true;
      let holds = true;
      for (const name of Object.keys(value)) {
        for (const [at, node] of nodes.entries()) {
          if (!patterns[at]?.matches(name, run.fuel)) continue;
          if (!run.holds(node, value[name], { within: place, name })) holds = false;
          if (!holds && run.quiet) return false;
          evaluated?.property(name);
        }
      }
      return holds;
    };
  }),
  additionalProperties: keyword(schema, (rest, context) => {
    const named = new Set(context.sibling("properties", schemaMap)?.keys());
    const patterns = patternsOf(context.sibling("patternProperties", schemaMap) ?? new Map(), context.path, context);
    const node = context.node(rest);
    return (value, place, run, evaluated) => {
      if (!isObject(value)) return true;
      let holds = true;
      for (const name of Object.keys(value)) {
        run.fuel.spend(1);
        if (named.has(name) || patterns.some((pattern) => pattern.matches(name, run.fuel))) continue;
        if (!run.holds(node, value[name], { within: place, name })) holds = false;
        if (!holds && run.quiet) break;
        evaluated?.property(name);
      }
      return holds;
    };
  }),
  propertyNames: keyword(schema, (names, context) => {
    const node = context.node(names);
    return (value, place, run) => {
      if (!isObject(value)) return true;
      let holds = true;
      for (const name of Object.keys(value)) {
        const at = { within: place, name };
        if (run.quietly(node, name, at)) continue;
        holds = run.fails(at, () => "must have a name as `propertyNames` describes it");
        if (run.quiet) break;
      }
      return holds;
    };
  }),
};

function patternsOf(schemas: ReadonlyMap<string, Schema>, path: string, context: KeywordContext): readonly Pattern[] {
  return [...schemas.keys()].map((source) => context.pattern(source, path + step(source)));
}

function size(words: string, holds: (names: number, limit: number) => boolean): Keyword {
  return keyword(count, (limit) => (value, place, run) => {
    if (!isObject(value)) return true;
    const { length } = Object.keys(value);
    // A step would not pay for a name, since all of them are made into a list.
    run.fuel.spend(2 * length);
    if (holds(length, limit)) return true;
    return run.fails(place, () => `must have ${words} ${limit} propert${limit === 1 ? "y" : "ies"}`);
  });
}
