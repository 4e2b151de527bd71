import { isObject, type Schema } from "../json.ts";
import { type Keywords, keyword } from "../keyword.ts";
import { lacking } from "../lacking.ts";
import type { Check, SchemaNode } from "../schema-node.ts";
import { either, mapOf, schema, schemaMap, uniqueNames } from "../shape.ts";

/**
 * Keywords for what one property asks of the others (JSON Schema Validation 2020-12, 6.5.4, and Core, 10.2.2.4). Draft-07 has
 * both in `dependencies`, which 2020-12 allows to go on (Validation, appendix B).
 */
export const DEPENDENCIES: Keywords = {
  dependentRequired: keyword(mapOf(uniqueNames), dependentRequired),
  dependentSchemas: keyword(schemaMap, (schemas, context) => dependentSchemas(context.nodesByName(schemas))),
  dependencies: keyword(mapOf(either(Array.isArray, uniqueNames, schema)), (all, context) => {
    const [names, schemas] = divided(all);
    const required = dependentRequired(names);
    const dependent = dependentSchemas(context.nodesByName(schemas));
    return (value, place, run, evaluated) => {
      const holds = required(value, place, run, evaluated);
      return dependent(value, place, run, evaluated) && holds;
    };
  }),
};

/** What is a list of names, and what is a schema. */
function divided(
  all: ReadonlyMap<string, { readonly first: readonly string[] } | { readonly second: Schema }>,
): readonly [ReadonlyMap<string, readonly string[]>, ReadonlyMap<string, Schema>] {
  const names = new Map<string, readonly string[]>();
  const schemas = new Map<string, Schema>();
  for (const [name, needed] of all) {
    if ("first" in needed) names.set(name, needed.first);
    else schemas.set(name, needed.second);
  }
  return [names, schemas];
}

function dependentRequired(needed: ReadonlyMap<string, readonly string[]>): Check {
  return (value, place, run) => {
    if (!isObject(value)) return true;
    let holds = true;
    for (const [name, names] of needed) {
      run.fuel.spend(1);
      if (Object.hasOwn(value, name) && lacking(names, value, place, run)) holds = false;
    }
    return holds;
  };
}

function dependentSchemas(nodes: ReadonlyMap<string, SchemaNode>): Check {
  return (value, place, run, evaluated) => {
    if (!isObject(value)) return true;
    let holds = true;
    for (const [name, node] of nodes) {
      run.fuel.spend(1);
      if (Object.hasOwn(value, name) && !run.holds(node, value, place, evaluated)) holds = false;
    }
    return holds;
  };
}
